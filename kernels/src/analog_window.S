/* analog_pixelwise.S for codes that are still in the windows of tiles. */
#define FUNCTION analog_window_pixel
#define PREFETCH_CODES(...)
#include "analog_pixelwise.S"

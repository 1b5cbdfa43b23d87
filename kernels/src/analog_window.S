/* analog_pixel.S for codes that are still in the windows of tiles. */
#define FUNCTION analog_window_pixel
#define TOUCH_CODES(...)
#include "analog_pixel.S"

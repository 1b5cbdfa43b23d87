#include "analog_columns_neon.h"
#include "analog_side_by_side.h"

void analog_finish_side_by_side(const struct aimc_copies* op, const int8_t* codes, int64_t step,
                                const int8_t* next, int32_t pixels, int8_t* out) {
  const int32_t columns = op->together * op->copy->out_channels;
  struct analog_linewise lines;
  begin_lines(&lines, op->copy, op->copy->range);
  lines.step = step;
  lines.columns = op->columns;
  lines.groups = (uint64_t)(columns / LINE_COLUMNS);
  set_steps(&lines, columns, columns, pixels / op->together);
  lines.beyond = next;
  analog_linewise(&lines, codes, out);
}

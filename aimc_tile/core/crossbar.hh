// The conductances of one crossbar, and the exact matrix-vector product with them.
#ifndef AIMC_TILE_CORE_CROSSBAR_HH
#define AIMC_TILE_CORE_CROSSBAR_HH

#include <cstddef>
#include <cstdint>
#include <vector>

namespace aimc {

class Crossbar {
 public:
  // All conductances are 0.
  Crossbar(uint32_t rows, uint32_t columns);

  uint32_t rows() const { return rows_; }
  uint32_t columns() const { return columns_; }

  int16_t get(uint32_t row, uint32_t column) const { return cells_[index(row, column)]; }
  void set(uint32_t row, uint32_t column, int16_t value) { cells_[index(row, column)] = value; }
  // Cells [0, count) of a row.
  void set_row(uint32_t row, const int16_t* values, uint32_t count) {
    int16_t* cells = &cells_[index(row, 0)];
    for (uint32_t c = 0; c < count; ++c) cells[2 * static_cast<size_t>(c)] = values[c];
  }

  // acc[c] = sum of x[r] * conductance[r][c] over r < rows, for c < columns.
  void multiply(const int8_t* x, uint32_t rows, uint32_t columns, int64_t* acc) const;

 private:
  // Two rows side by side, so that one multiply-add instruction takes both: cells
  // (2p, c) and (2p + 1, c) are neighbours.  Columns are padded to a whole block.
  size_t index(uint32_t row, uint32_t column) const {
    return static_cast<size_t>(row / 2) * stride_ + 2 * static_cast<size_t>(column) + row % 2;
  }

  uint32_t rows_;
  uint32_t columns_;
  size_t stride_;  // int16 elements a pair of rows
  std::vector<int16_t> cells_;
};

}  // namespace aimc

#endif  // AIMC_TILE_CORE_CROSSBAR_HH

// Functions of generated CUDA C++ (functions.inc, taken from the preludes) on emulated threads.
// Prints what is wrong; exit code 1 if anything is.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "threads.h"

#define FUNCTION static
float __saturatef(float x) { return std::clamp(x, 0.0F, 1.0F); }
float exp2_f32(float x) { return std::exp2(x); }
float max_f32(float a, float b) { return std::max(a, b); }
#include "functions.inc"

namespace {

int faults = 0;

void expect(bool right, const char* what, int a, int b, int c) {
  if (right) return;
  if (++faults < 10) std::printf("%s is wrong for %d, %d, %d\n", what, a, b, c);
}

int padded(int bytes) { return (bytes + 127) / 128 * 128; }

void check_pad(int rows, int bytes) {
  const Guarded from(static_cast<std::size_t>(rows) * bytes);
  const Guarded to(static_cast<std::size_t>(rows) * padded(bytes));
  block_threads.run(3, 64, [&] { pad_rows(to.data, from.data, rows, bytes, padded(bytes)); });
  for (int r = 0; r < rows; ++r) {
    expect(std::memcmp(to.data + r * padded(bytes), from.data + r * bytes, bytes) == 0, "pad_rows",
           rows, bytes, r);
  }
}

template <int bytes>
void check_turn(int count, int rows, int columns) {
  const Guarded from(static_cast<std::size_t>(count) * rows * columns * bytes);
  const int pitch = padded(rows * bytes);
  const Guarded to(static_cast<std::size_t>(count) * columns * pitch);
  std::uint32_t tile[4096];
  block_threads.run(
      2, 256, [&] { turn_rows<bytes>(to.data, from.data, count, rows, columns, pitch, tile); });
  for (int m = 0; m < count; ++m) {
    for (int r = 0; r < rows; ++r) {
      for (int c = 0; c < columns; ++c) {
        const char* const wanted = from.data + ((m * rows + r) * columns + c) * bytes;
        const char* const got = to.data + (m * columns + c) * pitch + r * bytes;
        expect(std::memcmp(got, wanted, bytes) == 0, "turn_rows", bytes, r, c);
      }
    }
  }
}

void check_pieces() {
  const Guarded memory(96);  // it begins at a multiple of 16
  for (int at = 0; at < 96; ++at) {
    for (int valid = -3; valid <= 16 && at + valid <= 96; ++valid) {
      char wanted[16] = {};
      if (valid > 0) std::memcpy(wanted, memory.data + at, static_cast<std::size_t>(valid));
      const Bytes16 piece = shifted_piece(memory.data + at, valid);
      expect(std::memcmp(&piece, wanted, 16) == 0, "shifted_piece", at, valid, 0);
    }
  }
}

void check_stores(int offset, int stride, int rows, int columns) {
  const Guarded panel(2048);
  std::vector<std::uint16_t> out(static_cast<std::size_t>(offset + 16 * stride + 64), 0);
  std::vector<std::uint16_t> wanted = out;
  for (int r = 0; r < rows; ++r) {
    for (int c = 0; c < columns; ++c) {
      const int piece = c / 8 ^ r % 8;
      std::memcpy(&wanted[static_cast<std::size_t>(offset + r * stride + c)],
                  panel.data + r * 128 + piece * 16 + c % 8 * 2, 2);
    }
  }
  block_threads.run(1, 32,
                    [&] { store_rows(out.data() + offset, stride, panel.data, rows, columns); });
  expect(out == wanted, "store_rows", stride, rows, columns);
}

void check_gelu() {
  for (float x = -12; x < 12; x += 0x1p-11F) {
    const double right = 0.5 * x * std::erfc(-x / std::sqrt(2.0));
    const double error = std::abs(gelu_f32(x) - right);
    expect(error <= 8.1e-7 && (x <= 0 || error <= 1.6e-6 * right), "gelu", static_cast<int>(x), 0,
           0);
  }
  const float most = std::numeric_limits<float>::infinity();
  expect(gelu_f32(most) == most && std::abs(gelu_f32(-most)) < 1e-9F && gelu_f32(0) == 0, "gelu", 0,
         0, 0);
}

}  // namespace

int main() {
  check_gelu();
  for (const int bytes : {1, 7, 130, 1024, 1025, 1027, 1030, 4095}) {
    for (const int rows : {1, 2, 5}) check_pad(rows, bytes);
  }
  for (const int rows : {1, 5, 128, 131}) {
    for (const int columns : {1, 3, 64, 128, 133}) {
      check_turn<1>(1, rows, columns);
      check_turn<2>(2, rows, columns);
      check_turn<4>(1, rows, columns);
    }
  }
  check_pieces();
  for (const int offset : {0, 1, 2, 3}) {
    for (const int stride : {64, 65, 71}) {
      for (const int rows : {-1, 0, 3, 16}) {
        for (const int columns : {-5, 0, 1, 2, 31, 62, 63, 64}) {
          check_stores(offset, stride, rows, columns);
        }
      }
    }
  }
  return faults == 0 ? 0 : 1;
}

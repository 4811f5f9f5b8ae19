// Program, text and binary hold the same; damaged binaries are refused and never crash.
#include <gtest/gtest.h>

#include <array>
#include <random>

#include "targets/dsa/encode.h"
#include "targets/dsa/validate.h"
#include "tests/dsa/random_program.h"
#include "tests/dsa/support.h"

namespace septran::dsa {
namespace {

using Bytes = std::vector<std::byte>;

Bytes encode(const Program& program) {
  Diagnostics diagnostics;
  auto bytes = encode_program(program, diagnostics);
  EXPECT_TRUE(bytes) << render_all(diagnostics);
  return bytes ? std::move(*bytes) : Bytes{};
}

void put_u64(Bytes& bytes, std::size_t offset, std::uint64_t value) {
  for (std::size_t i = 0; i < 8; ++i) {
    bytes[offset + i] = static_cast<std::byte>(value >> (8 * i) & 0xff);
  }
}

/// Size and checksum as they would be for these bytes, so that what follows is looked at.
void seal(Bytes& bytes) {
  if (bytes.size() < content_offset) return;
  put_u64(bytes, 8, bytes.size());
  put_u64(bytes, checksum_offset, file_checksum(std::span(bytes).subspan(content_offset)));
}

/// Either a program that encodes again, or a diagnostic.
bool decodes_or_tells(const Bytes& bytes) {
  Diagnostics diagnostics;
  const auto program = decode_program(bytes, "damaged.sdsa", diagnostics);
  EXPECT_EQ(program.has_value(), !diagnostics.has_errors());
  if (!program) return false;
  encode(*program);
  return true;
}

TEST(RoundTrip, RandomProgramsThroughTextAndBinary) {
  for (std::uint32_t seed = 0; seed < 40; ++seed) {
    const Program program = random_program(seed);
    Diagnostics diagnostics;
    ASSERT_TRUE(check_structure(program, {}, diagnostics)) << seed << render_all(diagnostics);
    const std::string text = to_assembly(program);
    const Bytes bytes = encode(program);
    const Program from_text = assemble(text);
    EXPECT_EQ(to_assembly(from_text), text) << "seed " << seed;
    EXPECT_EQ(encode(from_text), bytes) << "seed " << seed;
    const auto from_bytes = decode_program(bytes, "random.sdsa", diagnostics);
    ASSERT_TRUE(from_bytes) << seed << render_all(diagnostics);
    EXPECT_EQ(to_assembly(*from_bytes), text) << "seed " << seed;
    EXPECT_EQ(encode(*from_bytes), bytes) << "seed " << seed;
  }
}

TEST(RoundTrip, AllOpcodesOccur) {
  std::array<int, opcode_count> seen{};
  for (std::uint32_t seed = 0; seed < 60; ++seed) {
    for (const Instruction& instruction : random_program(seed).code) {
      ++seen.at(static_cast<std::size_t>(opcode_of(instruction.node)));
    }
  }
  for (std::size_t i = 0; i < seen.size(); ++i) EXPECT_GT(seen[i], 0) << opcodes[i].name;
}

const char* const small_program = R"(.program "small"
target "dsa_edge" hash 0x1
.globals
g0 = "A" f16 [64, 64] input
g1 = "C" f32 [64, 64] output
.locals
l0 = "a" shared at 0 size 8192
.events
e0 = "a.full" credits 0
.barriers
b0 = arrivals 1
.origins
s1 = "gemm.py:24" "dsa_edge.yaml:18" "stream A"
.operands
o0 = tile global g0 f16 at 0 [64 by 128] [64 by 2]
o1 = tile shared f16 at 8192*r2 [64 by 128] [64 by 2]
o2 = tile global g1 f32 at 0 [4 from 1: 0 by 64 axis 0 step 1, 4 by 2] axes (r2 : 3)
o3 = scalar -inf
o4 = integer 7 + 3*r4
.code
loop r2 = 0 .. 16 step 1 length 5
  dma_copy load o1, o0 @s1
  sync.signal load e0
  scalar.floor_div r4 = r2, 3
  skip r4 length 1
    mma o1, o1, o1 transpose_b accumulate_when r4 factor 0.125
vec.mask_causal o1, o4, o4, o3
sync.arrive store b0
halt
)";

TEST(RoundTrip, EveryTruncationIsRefused) {
  const Bytes bytes = encode(assemble(small_program));
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    Bytes cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_FALSE(decodes_or_tells(cut)) << size;
    seal(cut);
    EXPECT_FALSE(decodes_or_tells(cut)) << size << " bytes, with a right checksum";
  }
}

TEST(RoundTrip, EveryFlippedByteIsNoticedByTheChecksum) {
  const Bytes bytes = encode(assemble(small_program));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    Bytes flipped = bytes;
    flipped[i] ^= std::byte{0xff};
    EXPECT_FALSE(decodes_or_tells(flipped)) << "byte " << i;
  }
}

TEST(RoundTrip, ChangedBytesWithARightChecksumAreCheckedOrValid) {
  const Bytes bytes = encode(assemble(small_program));
  int refused = 0;
  for (std::size_t i = content_offset; i < bytes.size(); ++i) {
    for (const int change : {0x01, 0x80, 0xff}) {
      Bytes changed = bytes;
      changed[i] ^= static_cast<std::byte>(change);
      seal(changed);
      if (!decodes_or_tells(changed)) ++refused;
    }
  }
  EXPECT_GT(refused, 500);
}

TEST(RoundTrip, RandomDamageNeverCrashes) {
  std::mt19937 random(7);
  const std::array<Bytes, 3> programs{encode(random_program(1)), encode(random_program(2)),
                                      encode(random_program(3))};
  for (int round = 0; round < 150; ++round) {
    Bytes bytes = programs.at(random() % programs.size());
    for (int i = 0; i < 4; ++i) {
      bytes[content_offset + random() % (bytes.size() - content_offset)] =
          static_cast<std::byte>(random());
    }
    seal(bytes);
    decodes_or_tells(bytes);
  }
}

TEST(RoundTrip, HeaderFaultsSayWhatIsWrong) {
  const Bytes bytes = encode(assemble(small_program));
  const auto told = [](const Bytes& damaged) {
    Diagnostics diagnostics;
    EXPECT_FALSE(decode_program(damaged, "p.sdsa", diagnostics));
    return render_all(diagnostics);
  };
  Bytes changed = bytes;
  changed[0] = std::byte{'X'};
  EXPECT_NE(told(changed).find("dsa-file-not-program"), std::string::npos);
  EXPECT_NE(told(changed).find("does not begin with SDSA"), std::string::npos);
  EXPECT_FALSE(looks_like_program(changed));
  EXPECT_TRUE(looks_like_program(bytes));
  changed = bytes;
  changed[4] = std::byte{99};
  EXPECT_NE(told(changed).find("version 99, not 1"), std::string::npos);
  changed = bytes;
  changed.push_back(std::byte{0});
  EXPECT_NE(told(changed).find("as it says"), std::string::npos);
  seal(changed);
  EXPECT_NE(told(changed).find("dsa-file-corrupt"), std::string::npos);
  EXPECT_NE(told(changed).find("more bytes follow"), std::string::npos);
  changed = bytes;
  changed.back() ^= std::byte{1};
  EXPECT_NE(told(changed).find("checksum"), std::string::npos);
}

}  // namespace
}  // namespace septran::dsa

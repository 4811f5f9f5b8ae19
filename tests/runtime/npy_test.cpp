#include "runtime/npy.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "runtime/file.h"
#include "runtime/random.h"

namespace septran::runtime {
namespace {

namespace fs = std::filesystem;

/// A folder of its own for each test, removed after it.
class Npy : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "septran_npy_XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }

  [[nodiscard]] std::string path(const std::string& name) const { return folder_ / name; }

  std::string write_bytes(const std::string& content) const {
    std::ofstream(path("input.npy"), std::ios::binary) << content;
    return path("input.npy");
  }

  static std::string read_bytes(const std::string& path) {
    std::ostringstream content;
    content << std::ifstream(path, std::ios::binary).rdbuf();
    return content.str();
  }

  /// The only diagnostic of reading such a file: its code and its text.
  [[nodiscard]] std::string fault(const std::string& content) const {
    Diagnostics diagnostics;
    EXPECT_FALSE(read_npy(write_bytes(content), std::nullopt, std::nullopt, diagnostics));
    if (diagnostics.all().size() != 1) return "several diagnostics";
    return diagnostics.all()[0].code + ": " + diagnostics.all()[0].text;
  }

  [[nodiscard]] std::size_t files_in_folder() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }

  fs::path folder_;
};

std::string with_header(const std::string& dictionary, const std::string& data, int major = 1) {
  std::string content = "\x93NUMPY";
  content += static_cast<char>(major);
  content += '\0';
  for (int i = 0; i < (major == 1 ? 2 : 4); ++i) {
    content += static_cast<char>((dictionary.size() >> (8 * i)) & 0xff);
  }
  return content + dictionary + data;
}

const std::string two_floats("\0\0\x80\x3f\0\0\0\xc0", 8);  // 1.0, -2.0

TEST_F(Npy, RoundTripsEveryTypeAndRank) {
  for (const DType dtype :
       {DType::f16, DType::bf16, DType::f32, DType::f64, DType::i8, DType::i32}) {
    for (const std::vector<std::int64_t>& shape :
         std::vector<std::vector<std::int64_t>>{{}, {7}, {3, 5}, {2, 1, 4, 3}}) {
      Diagnostics diagnostics;
      HostTensor tensor = *make_tensor(dtype, shape, diagnostics);
      fill_random(tensor, Values::normal, 1, "X");
      ASSERT_TRUE(write_npy(path("x.npy"), tensor, diagnostics));
      const Result<HostTensor> back = read_npy(path("x.npy"), dtype, shape, diagnostics);
      ASSERT_TRUE(back) << name(dtype);
      EXPECT_EQ(back->bytes, tensor.bytes);
      EXPECT_EQ(back->shape, shape);
    }
  }
  EXPECT_EQ(files_in_folder(), 1u);
}

// numpy.save of array([1, -2], '<f4'), byte for byte.
TEST_F(Npy, WritesWhatNumpyWrites) {
  Diagnostics diagnostics;
  HostTensor tensor = *make_tensor(DType::f32, {2}, diagnostics);
  store_element(tensor, 0, 1);
  store_element(tensor, 1, -2);
  ASSERT_TRUE(write_npy(path("x.npy"), tensor, diagnostics));
  std::string dictionary = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }";
  dictionary.resize(128 - 10 - 1, ' ');
  EXPECT_EQ(read_bytes(path("x.npy")), with_header(dictionary + "\n", two_floats));
}

TEST_F(Npy, ReadsVersionsAndSpellings) {
  for (const int version : {1, 2, 3}) {
    for (const std::string dictionary :
         {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }   \n",
          "{\"shape\":(1,2L),\"fortran_order\":False,\"descr\":\"<f4\"}"}) {
      Diagnostics diagnostics;
      const Result<HostTensor> tensor =
          read_npy(write_bytes(with_header(dictionary, two_floats, version)), std::nullopt,
                   std::nullopt, diagnostics);
      ASSERT_TRUE(tensor) << dictionary;
      EXPECT_EQ(tensor->dtype, DType::f32);
      EXPECT_EQ(load_element(*tensor, 0), 1);
      EXPECT_EQ(load_element(*tensor, 1), -2);
    }
  }
}

TEST_F(Npy, ReadsPatternsAsBf16) {
  for (const std::string descr : {"<u2", "<i2", "<V2"}) {
    Diagnostics diagnostics;
    const Result<HostTensor> tensor = read_npy(
        write_bytes(with_header(
            "{'descr': '" + descr + "', 'fortran_order': False, 'shape': (1,), }", "\x80\x3f")),
        DType::bf16, std::nullopt, diagnostics);
    ASSERT_TRUE(tensor) << descr;
    EXPECT_EQ(load_element(*tensor, 0), 1);
  }
}

// Element (i, j, k) of shape (2, 3, 2) lies at i + 2 j + 6 k in Fortran order.
TEST_F(Npy, RearrangesFortranOrder) {
  std::string data;
  for (char c = 0; c < 12; ++c) data += c;
  Diagnostics diagnostics;
  const Result<HostTensor> tensor =
      read_npy(write_bytes(with_header(
                   "{'descr': '|i1', 'fortran_order': True, 'shape': (2, 3, 2), }", data)),
               std::nullopt, std::nullopt, diagnostics);
  ASSERT_TRUE(tensor);
  std::vector<double> values;
  for (std::size_t i = 0; i < 12; ++i) values.push_back(load_element(*tensor, i));
  EXPECT_EQ(values, (std::vector<double>{0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11}));
}

TEST_F(Npy, SaysWhatIsWanted) {
  const std::string file = write_bytes(
      with_header("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", two_floats));
  Diagnostics diagnostics;
  EXPECT_FALSE(read_npy(file, DType::f16, std::vector<std::int64_t>{1, 2}, diagnostics));
  ASSERT_EQ(diagnostics.all().size(), 2u);
  EXPECT_EQ(diagnostics.all()[0].text, "'" + file + "' holds f32, but f16 is wanted");
  EXPECT_EQ(diagnostics.all()[0].code, "npy-type-mismatch");
  EXPECT_EQ(diagnostics.all()[1].text, "'" + file + "' has shape [2], but [1, 2] is wanted");
  EXPECT_EQ(diagnostics.all()[1].code, "npy-shape-mismatch");
}

TEST_F(Npy, FailsOnHostileFiles) {
  const auto dictionary = [](const std::string& text) { return with_header(text, two_floats); };
  const std::string rest = ", 'fortran_order': False, 'shape': (2,)}";
  const struct {
    std::string content;
    std::string expected;  // within the message
  } cases[] = {
      {"", "does not start with"},
      {"PK\x03\x04zip", "does not start with"},
      {"\x93NUMPY", "ends within its header"},
      {std::string("\x93NUMPY\x01\0\x10", 9), "ends within its header"},
      {std::string("\x93NUMPY\x01\0\x76\0{'descr'", 18), "ends within its header"},
      {std::string("\x93NUMPY\x09\0\x10\0{}", 12), "format version 9"},
      {std::string("\x93NUMPY\x02\0\xff\xff\xff\xff", 12), "a header of 4294967295 bytes"},
      {dictionary(""), "'{' is missing"},
      {dictionary("{}"), "are not all there"},
      {dictionary("{'descr': '<f4'}"), "are not all there"},
      {dictionary("{'descr': '<f4', 'descr': '<f4'" + rest), "'descr' stands there twice"},
      {dictionary("{'descr': '<f4', 'color': 3" + rest), "unknown key 'color'"},
      {dictionary("{'descr': '<f4"), "a string is missing"},
      {dictionary("{'descr': [('a', '<f4')]" + rest), "its elements are records"},
      {dictionary("{'descr': '<f4'" + rest + "}"), "text after the dictionary"},
      {dictionary("{'descr': '<f4', 'fortran_order': 0, 'shape': (2,)}"), "neither True nor"},
      {dictionary("{'descr': '<f4', 'fortran_order': False, 'shape': (2,"), "not a 64-bit"},
      {dictionary("{'descr': '<f4', 'fortran_order': False, 'shape': (x,)}"), "not a 64-bit"},
      {dictionary("{'descr': '<f4', 'fortran_order': False, 'shape': (2 2)}"), "')' is missing"},
      {dictionary("{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}"), "is -2"},
      {dictionary("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 2)}"), "is 0"},
      {dictionary("{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775808,)}"),
       "not a 64-bit"},
      {dictionary("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}"),
       "do not take the 8 bytes"},
      {dictionary("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,)}"),
       "do not take the 8 bytes"},
      {dictionary("{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}"),
       "<f4 elements of shape [3] do not take the 8 bytes"},
      {dictionary("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}"),
       "do not take the 8 bytes"},
  };
  for (const auto& c : cases) {
    const std::string text = fault(c.content);
    EXPECT_TRUE(text.starts_with("npy-malformed: ")) << text;
    EXPECT_NE(text.find(c.expected), std::string::npos) << text << " / " << c.expected;
  }
  for (const std::string descr : {">f4", "<c8", "|O", "<U4", "<u4", "|b1", "|u1", "", "\x01<f4"}) {
    EXPECT_TRUE(
        fault(dictionary("{'descr': '" + descr + "'" + rest)).starts_with("npy-unsupported-type: "))
        << descr;
  }
}

// Every way of cutting a sound file short, and of changing one byte of its header, ends well.
TEST_F(Npy, SurvivesCutsAndChanges) {
  const std::string sound =
      with_header("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 1), }", two_floats);
  for (std::size_t length = 0; length < sound.size(); ++length) {
    EXPECT_TRUE(fault(sound.substr(0, length)).starts_with("npy-malformed: ")) << length;
  }
  for (std::size_t at = 0; at + two_floats.size() < sound.size(); ++at) {
    for (const char c : {'\0', '9', '(', '\'', '\xff'}) {
      std::string changed = sound;
      changed[at] = c;
      Diagnostics diagnostics;
      const bool read =
          read_npy(write_bytes(changed), std::nullopt, std::nullopt, diagnostics).has_value();
      EXPECT_EQ(read, !diagnostics.has_errors()) << at;
    }
  }
}

TEST_F(Npy, FailsWhereThereIsNoFile) {
  Diagnostics diagnostics;
  EXPECT_FALSE(read_npy_header(path("absent.npy"), diagnostics));
  EXPECT_FALSE(read_npy_header(folder_.string(), diagnostics));
  EXPECT_FALSE(read_npy_header("/dev/zero", diagnostics));
  EXPECT_FALSE(read_npy_header("", diagnostics));
  ASSERT_EQ(diagnostics.all().size(), 4u);
  for (const Diagnostic& d : diagnostics.all()) EXPECT_EQ(d.code, "file-not-read");
  EXPECT_EQ(diagnostics.all()[0].text,
            "cannot read '" + path("absent.npy") + "': No such file or directory");
  EXPECT_EQ(diagnostics.all()[1].text,
            "cannot read '" + folder_.string() + "': not a regular file");
}

using WriteFile = Npy;

TEST_F(WriteFile, ReplacesWhole) {
  Diagnostics diagnostics;
  ASSERT_TRUE(write_file_atomically(path("a.json"), "first", diagnostics));
  ASSERT_EQ(chmod(path("a.json").c_str(), 0640), 0);
  ASSERT_TRUE(write_file_atomically(path("a.json"), "second", diagnostics));
  EXPECT_EQ(read_bytes(path("a.json")), "second");
  EXPECT_EQ(fs::status(path("a.json")).permissions(), static_cast<fs::perms>(0640));
  EXPECT_EQ(files_in_folder(), 1u);
}

TEST_F(WriteFile, WritesThroughLinks) {
  Diagnostics diagnostics;
  std::ofstream(path("real")) << "old";
  fs::create_symlink("real", path("link"));
  ASSERT_TRUE(write_file_atomically(path("link"), "new", diagnostics));
  EXPECT_TRUE(fs::is_symlink(path("link")));
  EXPECT_EQ(read_bytes(path("real")), "new");
}

TEST_F(WriteFile, WritesToDevices) {
  Diagnostics diagnostics;
  EXPECT_TRUE(write_file_atomically("/dev/null", "gone", diagnostics));
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

TEST_F(WriteFile, FailsWithoutATrace) {
  Diagnostics diagnostics;
  EXPECT_FALSE(write_file_atomically(path("absent/a"), "x", diagnostics));
  EXPECT_FALSE(write_file_atomically(folder_.string(), "x", diagnostics));
  EXPECT_FALSE(write_file_atomically("", "x", diagnostics));
  ASSERT_EQ(diagnostics.all().size(), 3u);
  for (const Diagnostic& d : diagnostics.all()) EXPECT_EQ(d.code, "file-not-written");
  EXPECT_EQ(files_in_folder(), 0u);
}

// A name as long as names may be leaves no room for the temporary file's.
TEST_F(WriteFile, KeepsTheOldFileWhenItFails) {
  const std::string name(255, 'n');
  std::ofstream(path(name)) << "old";
  Diagnostics diagnostics;
  EXPECT_FALSE(write_file_atomically(path(name), "new", diagnostics));
  EXPECT_EQ(read_bytes(path(name)), "old");
  EXPECT_EQ(files_in_folder(), 1u);
}

}  // namespace
}  // namespace septran::runtime

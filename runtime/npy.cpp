#include "runtime/npy.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "compiler/base/count.h"
#include "compiler/base/messages.h"
#include "runtime/file.h"
#include "runtime/npy_header.h"

namespace septran::runtime {
namespace {

static_assert(std::endian::native == std::endian::little, "tensors are stored as they are");

constexpr std::string_view magic{"\x93NUMPY", 6};
constexpr std::uint64_t max_header_bytes = 1 << 20;

struct TypeName {
  std::string_view descr;
  DType dtype;
};
/// The first name of a type is the one written.
constexpr std::array type_names{
    TypeName{"<f2", DType::f16},  TypeName{"<f4", DType::f32},    TypeName{"<f8", DType::f64},
    TypeName{"|i1", DType::i8},   TypeName{"<i1", DType::i8},     TypeName{"<i4", DType::i32},
    TypeName{"<u2", DType::bf16}, TypeName{"<i2", DType::bf16},   TypeName{"<V2", DType::bf16},
    TypeName{"|V2", DType::bf16}, TypeName{"|u1", DType::f8e4m3}, TypeName{"|u1", DType::f8e5m2}};

std::optional<DType> dtype_of(std::string_view descr) {
  for (const TypeName& row : type_names) {
    // Bytes could be either 8-bit float: which, only a parameter's type could tell.
    if (row.descr == descr && row.descr != "|u1") return row.dtype;
  }
  return std::nullopt;
}

std::string_view descr_of(DType dtype) {
  for (const TypeName& row : type_names) {
    if (row.dtype == dtype) return row.descr;
  }
  SEPTRAN_BUG("element type without a NumPy name");
}

/// An open file with its size, or a report of why there is none.
struct InputFile {
  std::ifstream stream;
  std::uint64_t size_bytes = 0;
};
std::optional<InputFile> open_file(const std::string& path, Diagnostics& diagnostics) {
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  if (!error && !std::filesystem::is_regular_file(status)) {
    diagnostics.report({}, messages::file_not_read, path, "not a regular file");
    return std::nullopt;
  }
  InputFile file;
  if (!error) file.size_bytes = std::filesystem::file_size(path, error);
  if (!error) {
    file.stream.open(path, std::ios::binary);
    if (!file.stream) error = std::error_code(errno, std::generic_category());
  }
  if (error) {
    diagnostics.report({}, messages::file_not_read, path, error.message());
    return std::nullopt;
  }
  return file;
}

/// The dictionary's text; `offset` is left at the first byte after it. A text about the fault if
/// there is none.
std::optional<std::string> read_dictionary(InputFile& file, std::uint64_t& offset,
                                           std::string& fault) {
  std::array<char, 12> start{};
  file.stream.read(start.data(), start.size());
  const auto got = static_cast<std::uint64_t>(file.stream.gcount());
  if (got < magic.size() || std::string_view(start.data(), magic.size()) != magic) {
    fault = "it does not start with \\x93NUMPY";
    return std::nullopt;
  }
  const int major = got > 6 ? static_cast<unsigned char>(start[6]) : 0;
  if (got > 6 && (major < 1 || major > 3)) {
    fault = fmt::format("format version {} is unknown", major);
    return std::nullopt;
  }
  const std::size_t length_bytes = major == 1 ? 2 : 4;
  offset = 8 + length_bytes;
  if (got < offset) {
    fault = "the file ends within its header";
    return std::nullopt;
  }
  std::uint32_t length = 0;
  std::memcpy(&length, start.data() + 8, length_bytes);
  if (length > max_header_bytes) {
    fault = fmt::format("a header of {:byte}", Counted{length});
    return std::nullopt;
  }
  std::string text(length, '\0');
  file.stream.clear();
  file.stream.seekg(static_cast<std::streamoff>(offset));
  file.stream.read(text.data(), static_cast<std::streamsize>(length));
  if (static_cast<std::uint64_t>(file.stream.gcount()) != length) {
    fault = "the file ends within its header";
    return std::nullopt;
  }
  offset += length;
  return text;
}

std::optional<NpyHeader> read_header(const std::string& path, InputFile& file,
                                     Diagnostics& diagnostics) {
  NpyHeader header;
  std::string fault;
  const auto malformed = [&]() -> std::optional<NpyHeader> {
    diagnostics.report({}, messages::npy_malformed, path, fault);
    return std::nullopt;
  };
  const std::optional<std::string> text = read_dictionary(file, header.data_offset, fault);
  if (!text) return malformed();
  const std::optional<NpyDictionary> dictionary = parse_npy_dictionary(*text, fault);
  if (!dictionary) return malformed();
  const std::optional<DType> dtype = dtype_of(dictionary->descr);
  if (!dtype) {
    diagnostics.report({}, messages::npy_unsupported_type, path, dictionary->descr);
    return std::nullopt;
  }
  header.dtype = *dtype;
  header.shape = dictionary->shape;
  header.fortran_order = dictionary->fortran_order;
  const std::optional<std::size_t> wanted = dense_size_bytes(header.dtype, header.shape);
  const std::uint64_t present = file.size_bytes - std::min(file.size_bytes, header.data_offset);
  if (!wanted || *wanted != present) {
    fault = fmt::format(
        "{} elements of shape {} do not take the {:byte} that {:~follows/follow} the header",
        dictionary->descr, shape_text(header.shape), Counted{present}, Counted{present});
    return malformed();
  }
  return header;
}

/// Row-major bytes of column-major ones: walks the result in order, the source by its strides.
std::vector<std::byte> from_fortran_order(const HostTensor& tensor) {
  const std::size_t element_bytes = size_bytes(tensor.dtype);
  const std::size_t rank = tensor.shape.size();
  std::vector<std::size_t> strides(rank, element_bytes);
  for (std::size_t d = 1; d < rank; ++d) {
    strides[d] = strides[d - 1] * static_cast<std::size_t>(tensor.shape[d - 1]);
  }
  std::vector<std::byte> result(tensor.bytes.size());
  std::vector<std::int64_t> index(rank, 0);
  std::size_t source = 0;
  for (std::size_t at = 0; at < result.size(); at += element_bytes) {
    std::memcpy(result.data() + at, tensor.bytes.data() + source, element_bytes);
    for (std::size_t d = rank; d-- > 0;) {
      source += strides[d];
      if (++index[d] < tensor.shape[d]) break;
      source -= strides[d] * static_cast<std::size_t>(tensor.shape[d]);
      index[d] = 0;
    }
  }
  return result;
}

}  // namespace

Result<NpyHeader> read_npy_header(const std::string& path, Diagnostics& diagnostics) {
  std::optional<InputFile> file = open_file(path, diagnostics);
  if (!file) return std::nullopt;
  return read_header(path, *file, diagnostics);
}

Result<HostTensor> read_npy(const std::string& path, std::optional<DType> dtype,
                            const std::optional<std::vector<std::int64_t>>& shape,
                            Diagnostics& diagnostics) {
  std::optional<InputFile> file = open_file(path, diagnostics);
  if (!file) return std::nullopt;
  const std::optional<NpyHeader> header = read_header(path, *file, diagnostics);
  if (!header) return std::nullopt;
  const std::size_t errors_before = diagnostics.error_count();
  if (dtype && *dtype != header->dtype) {
    diagnostics.report({}, messages::npy_type_mismatch, path, name(header->dtype), name(*dtype));
  }
  if (shape && *shape != header->shape) {
    diagnostics.report({}, messages::npy_shape_mismatch, path, shape_text(header->shape),
                       shape_text(*shape));
  }
  if (diagnostics.error_count() != errors_before) return std::nullopt;
  Result<HostTensor> tensor = make_tensor(header->dtype, header->shape, diagnostics);
  if (!tensor) return std::nullopt;
  file->stream.seekg(static_cast<std::streamoff>(header->data_offset));
  file->stream.read(reinterpret_cast<char*>(tensor->bytes.data()),
                    static_cast<std::streamsize>(tensor->bytes.size()));
  if (static_cast<std::size_t>(file->stream.gcount()) != tensor->bytes.size()) {
    diagnostics.report({}, messages::file_not_read, path, "it changed while it was read");
    return std::nullopt;
  }
  if (header->fortran_order) tensor->bytes = from_fortran_order(*tensor);
  return tensor;
}

std::string format_npy(const HostTensor& tensor) {
  std::string content = format_npy_header(descr_of(tensor.dtype), tensor.shape);
  content.append(reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size());
  return content;
}

bool write_npy(const std::string& path, const HostTensor& tensor, Diagnostics& diagnostics) {
  return write_file_atomically(path, format_npy(tensor), diagnostics);
}

}  // namespace septran::runtime

#include "targets/yaml_reader.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <exception>
#include <map>
#include <sstream>
#include <utility>

#include "compiler/base/messages.h"
#include "compiler/base/utf8.h"

namespace septran::yaml {
namespace {

constexpr std::size_t max_file_bytes = std::size_t{4} << 20;
constexpr std::size_t max_depth = 48;
constexpr std::size_t max_nodes = 100'000;

/// Leaves yaml-cpp's parser once a limit has been reported.
struct Stop {};

struct Size {
  std::size_t nodes = 1;
  std::size_t depth = 1;
};

Size measure(const Node& node) {
  Size size;
  const auto add = [&size](const Node& child) {
    const Size inner = measure(child);
    size.nodes += inner.nodes;
    size.depth = std::max(size.depth, inner.depth + 1);
  };
  for (const Node& item : node.items) add(item);
  for (const Entry& entry : node.entries) add(entry.value);
  return size;
}

/// Builds the tree from yaml-cpp's events. yaml-cpp's own tree hides duplicate keys and lets
/// aliases multiply; the events show both.
class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(FileId file, const SourceManager& sources, Diagnostics& diagnostics)
      : file_(file), sources_(sources), diagnostics_(diagnostics), text_(sources.text(file)) {}

  Span at(const YAML::Mark& mark, std::size_t length = 1) const;
  bool has_root() const { return root_.has_value(); }
  Node take_root() { return std::move(*root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override;
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override;
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override;
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override;
  void OnSequenceEnd() override { close(']'); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override;
  void OnMapEnd() override { close('}'); }

 private:
  struct Open {
    Node node;
    YAML::anchor_t anchor = 0;
    bool flow = false;
    bool key_pending = true;  // maps: the next value is a key
    std::string key;
    Span key_span;
    bool drop_value = false;  // the key was faulty
  };

  void open(Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
            bool flow);
  void close(char bracket);
  void add(Node node);
  void add_key(Open& map, const Node& key);
  void count(std::size_t nodes, Span span);
  std::uint32_t scalar_begin(std::uint32_t offset) const;
  std::uint32_t scalar_end(std::uint32_t begin, const std::string& value) const;

  FileId file_;
  const SourceManager& sources_;
  Diagnostics& diagnostics_;
  std::string_view text_;
  std::vector<Open> stack_;
  std::map<YAML::anchor_t, Node> anchors_;
  std::size_t node_count_ = 0;
  std::optional<Node> root_;
};

Span TreeBuilder::at(const YAML::Mark& mark, std::size_t length) const {
  if (mark.is_null()) return {file_, 0, 0};
  std::uint32_t begin = sources_.offset(file_, static_cast<std::uint32_t>(mark.line) + 1,
                                        static_cast<std::uint32_t>(mark.column) + 1);
  // yaml-cpp does not count the bytes of a byte order mark.
  if (mark.line == 0 && text_.starts_with("\xef\xbb\xbf")) begin += 3;
  const auto size = static_cast<std::uint32_t>(text_.size());
  begin = std::min(begin, size);
  return {file_, begin, std::min(size, begin + static_cast<std::uint32_t>(length))};
}

void TreeBuilder::count(std::size_t nodes, Span span) {
  node_count_ += nodes;
  if (node_count_ > max_nodes) {
    diagnostics_.report(span, messages::yaml_too_many_nodes, max_nodes);
    throw Stop{};
  }
}

/// Where a scalar's own text starts: past its tag and anchor.
std::uint32_t TreeBuilder::scalar_begin(std::uint32_t offset) const {
  std::size_t i = offset;
  while (i < text_.size() && (text_[i] == '!' || text_[i] == '&')) {
    std::size_t next = text_.find_first_of(" \t\r\n", i);
    if (next == std::string_view::npos) break;
    next = text_.find_first_not_of(" \t\r\n", next);
    if (next == std::string_view::npos) break;
    i = next;
  }
  return static_cast<std::uint32_t>(i);
}

std::uint32_t TreeBuilder::scalar_end(std::uint32_t begin, const std::string& value) const {
  const auto end_of = [this](std::size_t end) {
    return static_cast<std::uint32_t>(std::min(end, text_.size()));
  };
  if (begin >= text_.size()) return end_of(begin);
  const char first = text_[begin];
  if (first == '"' || first == '\'') {
    for (std::size_t i = begin + 1; i < text_.size(); ++i) {
      if (first == '"' && text_[i] == '\\') {
        ++i;
      } else if (text_[i] == first) {
        return end_of(i + 1);
      }
    }
    return end_of(text_.size());
  }
  if (text_.substr(begin, value.size()) == value) return end_of(begin + value.size());
  return end_of(text_.find_first_of("\r\n", begin));
}

void TreeBuilder::OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) {
  Node node;
  const Span here = at(mark);
  node.span = {file_, here.begin, scalar_end(here.begin, "")};
  // A value that is left out has no place of its own: its key stands for it.
  const std::string_view written = text_.substr(std::min<std::size_t>(here.begin, text_.size()));
  const bool is_written = written.starts_with("~") || written.starts_with("null") ||
                          written.starts_with("Null") || written.starts_with("NULL");
  if (is_written) {
    node.span.end = here.begin + (written[0] == '~' ? 1 : 4);
  } else if (!stack_.empty() && stack_.back().node.kind == Kind::map &&
             !stack_.back().key_pending) {
    node.span = stack_.back().key_span;
  }
  count(1, node.span);
  if (anchor != 0) anchors_[anchor] = node;
  add(std::move(node));
}

void TreeBuilder::OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) {
  const auto found = anchors_.find(anchor);
  if (found == anchors_.end()) {
    diagnostics_.report(at(mark), messages::yaml_recursive_alias);
    throw Stop{};
  }
  const Size size = measure(found->second);
  count(size.nodes, at(mark));
  if (stack_.size() + size.depth > max_depth) {
    diagnostics_.report(at(mark), messages::yaml_too_deep, max_depth);
    throw Stop{};
  }
  add(found->second);
}

void TreeBuilder::OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                           const std::string& value) {
  Node node;
  node.kind = Kind::scalar;
  node.text = value;
  const std::uint32_t begin = scalar_begin(at(mark).begin);
  node.span = {file_, begin, scalar_end(begin, value)};
  // yaml-cpp marks plain scalars with the tag "?" and all others with "!".
  node.quoted = begin < text_.size() && (text_[begin] == '"' || text_[begin] == '\'' ||
                                         text_[begin] == '|' || text_[begin] == '>');
  if (tag != "?" && tag != "!") node.tag = tag;
  count(1, node.span);
  if (anchor != 0) anchors_[anchor] = node;
  add(std::move(node));
}

void TreeBuilder::OnSequenceStart(const YAML::Mark& mark, const std::string& tag,
                                  YAML::anchor_t anchor, YAML::EmitterStyle::value style) {
  open(Kind::sequence, mark, tag, anchor, style == YAML::EmitterStyle::Flow);
}

void TreeBuilder::OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                             YAML::EmitterStyle::value style) {
  open(Kind::map, mark, tag, anchor, style == YAML::EmitterStyle::Flow);
}

void TreeBuilder::open(Kind kind, const YAML::Mark& mark, const std::string& tag,
                       YAML::anchor_t anchor, bool flow) {
  Open open;
  open.node.kind = kind;
  open.node.span = at(mark);
  if (tag != "?" && tag != "!") open.node.tag = tag;
  open.anchor = anchor;
  open.flow = flow;
  count(1, open.node.span);
  if (stack_.size() + 1 > max_depth) {
    diagnostics_.report(open.node.span, messages::yaml_too_deep, max_depth);
    throw Stop{};
  }
  stack_.push_back(std::move(open));
}

void TreeBuilder::close(char bracket) {
  Open closed = std::move(stack_.back());
  stack_.pop_back();
  Node& node = closed.node;
  for (const Node& item : node.items) {
    if (item.span.file == file_ && item.span.begin > node.span.begin) {
      node.span.end = std::max(node.span.end, item.span.end);
    }
  }
  for (const Entry& entry : node.entries) {
    node.span.end = std::max({node.span.end, entry.key_span.end, entry.value.span.end});
  }
  if (closed.flow) {
    const std::size_t end = text_.find_first_not_of(" \t\r\n,", node.span.end);
    if (end != std::string_view::npos && text_[end] == bracket) {
      node.span.end = static_cast<std::uint32_t>(end + 1);
    }
  }
  if (closed.anchor != 0) anchors_[closed.anchor] = node;
  add(std::move(node));
}

void TreeBuilder::add_key(Open& map, const Node& key) {
  map.key_pending = false;
  map.key = key.text;
  map.key_span = key.span;
  map.drop_value = false;
  if (key.kind != Kind::scalar) {
    diagnostics_.report(key.span, messages::yaml_key_not_a_name, describe(key));
    map.drop_value = true;
  } else if (const Entry* first = map.node.find_entry(key.text)) {
    diagnostics_.report(key.span, messages::yaml_duplicate_key, key.text)
        .notes.push_back({first->key_span, messages::yaml_duplicate_key_note});
    map.drop_value = true;
  }
}

void TreeBuilder::add(Node node) {
  if (stack_.empty()) {
    root_ = std::move(node);
    return;
  }
  Open& parent = stack_.back();
  if (parent.node.kind == Kind::sequence) {
    parent.node.items.push_back(std::move(node));
  } else if (parent.key_pending) {
    add_key(parent, node);
  } else {
    parent.key_pending = true;
    if (!parent.drop_value) {
      parent.node.entries.push_back({parent.key, parent.key_span, std::move(node)});
    }
  }
}

std::optional<Span> second_document(std::string_view text, FileId file) {
  std::size_t begin = 0;
  bool content = false;
  while (begin < text.size()) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = text.substr(begin, end - begin);
    const std::size_t first = line.find_first_not_of(" \t\r");
    if (content && line.starts_with("---")) {
      const auto at = static_cast<std::uint32_t>(begin);
      return Span{file, at, at + 3};
    }
    if (first != std::string_view::npos && line[first] != '#') content = true;
    begin = end + 1;
  }
  return std::nullopt;
}

/// What yaml-cpp's commonest complaints usually come from.
const char* syntax_hint(std::string_view complaint) {
  if (complaint.find("end of map not found") != std::string_view::npos) {
    return messages::yaml_indent_hint;
  }
  if (complaint.find("illegal map value") != std::string_view::npos) return messages::yaml_key_hint;
  if (complaint.find("anchor") != std::string_view::npos) return messages::yaml_anchor_hint;
  return messages::yaml_general_hint;
}

/// Whether it is UTF-8 text of a bearable size.
bool check_text(std::string_view text, FileId file, Diagnostics& diagnostics) {
  if (text.size() > max_file_bytes) {
    diagnostics.report({file, 0, 0}, messages::yaml_too_large, text.size(), max_file_bytes);
    return false;
  }
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = text[i] == '\0' ? 0 : utf8_length(text.substr(i));
    if (length == 0) {
      const auto at = static_cast<std::uint32_t>(i);
      const Span place{file, at, at + 1};
      if (text[i] == '\0') {
        diagnostics.report(place, messages::yaml_not_text);
      } else {
        diagnostics.report(place, messages::yaml_not_utf8,
                           static_cast<unsigned>(static_cast<unsigned char>(text[i])));
      }
      return false;
    }
    i += length;
  }
  return true;
}

}  // namespace

Result<Node> parse(FileId file, const SourceManager& sources, std::string_view what,
                   std::string_view example, Diagnostics& diagnostics) {
  const std::string_view text = sources.text(file);
  const Span start{file, 0, 0};
  if (!check_text(text, file, diagnostics)) return std::nullopt;
  TreeBuilder builder(file, sources, diagnostics);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    parser.HandleNextDocument(builder);
    if (builder.has_root()) {
      Diagnostics ignored;
      TreeBuilder rest(file, sources, ignored);
      if (parser.HandleNextDocument(rest)) {
        diagnostics.report(second_document(text, file).value_or(start),
                           messages::yaml_several_documents);
        return std::nullopt;
      }
    }
  } catch (const YAML::Exception& fault) {
    const Span span = builder.at(fault.mark);
    const std::string_view line = sources.line(file, sources.position(file, span.begin).line);
    const std::size_t indent = std::min(line.find_first_not_of(" \t"), line.size());
    const bool tab = line.substr(0, indent).find('\t') != std::string_view::npos;
    const bool parameter = line.find("${") != std::string_view::npos;
    diagnostics.report(span, messages::yaml_syntax, fault.msg,
                       tab         ? messages::yaml_tab_hint
                       : parameter ? messages::yaml_parameter_hint
                                   : syntax_hint(fault.msg));
    return std::nullopt;
  } catch (const Stop&) {
    return std::nullopt;
  } catch (const std::exception& fault) {
    diagnostics.report(start, messages::yaml_syntax, fault.what(), messages::yaml_general_hint);
    return std::nullopt;
  }
  if (!builder.has_root()) {
    diagnostics.report(start, messages::yaml_empty, what, example);
    return std::nullopt;
  }
  Node root = builder.take_root();
  if (root.kind == Kind::null) {
    diagnostics.report(start, messages::yaml_empty, what, example);
    return std::nullopt;
  }
  return root;
}

}  // namespace septran::yaml

#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace ndr {

/// Raw lines of a log without the colours in them (ECMA-48 control sequences of digits, "ESC [ 1 ; 32 m"), so that
/// words which a colour change cuts are whole, and the way back to the raw bytes.
class ColourlessText {
public:
  /// `lines` must live as long as the text is asked for.
  void assign(std::string_view lines);
  std::string_view text() const { return text_; }
  /// Where byte `at` of the text stands in the raw lines.
  std::size_t raw(std::size_t at) const;
  /// Raw positions of the other escapes, in their order; these stay in the text.
  const std::vector<std::size_t>& others() const { return others_; }

private:
  struct Cut {
    std::size_t text;
    std::size_t raw;
  };
  std::string_view text_;
  std::string buffer_;
  std::vector<Cut> cuts_;
  std::vector<std::size_t> others_;
};

}  // namespace ndr

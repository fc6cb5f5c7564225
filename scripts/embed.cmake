# Writes OUTPUT: a function `const std::map<std::string, std::string_view>& NAME()` from file name to the file's bytes.
set(body "#include <map>\n#include <string>\n#include <string_view>\n\nnamespace ndr {\n")
set(rows "")
set(index 0)
foreach(file IN LISTS FILES)
  file(READ ${file} hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  get_filename_component(base ${file} NAME)
  string(APPEND body "static const unsigned char file_${index}[] = {${bytes}0x00};\n")
  string(APPEND rows
         "      {\"${base}\", {reinterpret_cast<const char*>(file_${index}), sizeof file_${index} - 1}},\n")
  math(EXPR index "${index} + 1")
endforeach()
string(APPEND body "\nconst std::map<std::string, std::string_view>& ${NAME}();\n"
                   "const std::map<std::string, std::string_view>& ${NAME}() {\n"
                   "  static const std::map<std::string, std::string_view> files{\n${rows}  };\n"
                   "  return files;\n}\n\n}  // namespace ndr\n")
file(WRITE ${OUTPUT} "${body}")

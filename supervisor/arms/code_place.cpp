#include "supervisor/arms/code_place.hpp"

#include <cxxabi.h>
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <gelf.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>

#include "storage/unique_fd.hpp"

namespace ndr {
namespace {

using Clock = std::chrono::steady_clock;

constexpr off_t largest_with_lines = off_t{1} << 30;
constexpr std::size_t longest_name = 1000;

std::string bounded_text(const char* text) {
  if (text == nullptr) return {};
  std::string bounded{text};
  if (bounded.size() > longest_name) bounded.replace(longest_name, std::string::npos, "...");
  return bounded;
}

std::string demangled(const char* name) {
  if (name == nullptr) return {};
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> plain{abi::__cxa_demangle(name, nullptr, nullptr, &status), std::free};
  return bounded_text(status == 0 && plain ? plain.get() : name);
}

/// As the standard finder, which asks servers too where this variable names some: then by build id alone.
int find_debug_file(Dwfl_Module* module, void** data, const char* name, Dwarf_Addr base, const char* file,
                    const char* link, GElf_Word crc, char** found) {
  const char* servers = std::getenv("DEBUGINFOD_URLS");
  const bool is_local = servers == nullptr || *servers == '\0';
  const auto find = is_local ? dwfl_standard_find_debuginfo : dwfl_build_id_find_debuginfo;
  return find(module, data, name, base, file, link, crc, found);
}

int find_no_debug_file(Dwfl_Module*, void**, const char*, Dwarf_Addr, const char*, const char*, GElf_Word, char**) {
  return -1;
}

using DebugFinder = decltype(Dwfl_Callbacks::find_debuginfo);

Dwfl_Callbacks callbacks_with(DebugFinder finder) {
  Dwfl_Callbacks callbacks{};
  callbacks.find_elf = dwfl_build_id_find_elf;
  callbacks.find_debuginfo = finder;
  callbacks.section_address = dwfl_offline_section_address;
  return callbacks;
}

/// What the module's lowest mapping has for an address in the file itself: 0 but for programs of a fixed place.
std::optional<GElf_Addr> lowest_address(Elf* elf) {
  std::size_t count = 0;
  if (elf_getphdrnum(elf, &count) != 0) return std::nullopt;
  std::optional<GElf_Addr> lowest;
  for (std::size_t i = 0; i < count; ++i) {
    GElf_Phdr header{};
    if (gelf_getphdr(elf, static_cast<int>(i), &header) == nullptr || header.p_type != PT_LOAD) continue;
    const GElf_Addr begin = header.p_vaddr & ~GElf_Addr{0xfff};
    lowest = std::min(lowest.value_or(begin), begin);
  }
  return lowest;
}

/// Passive: one ELF file with what is known of it.
class OpenedModule {
public:
  static std::optional<OpenedModule> open(const std::filesystem::path& path) {
    // Not a pipe or a device, which would block or act.
    UniqueFd file{::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)};
    struct stat found {};
    if (!file || ::fstat(file.get(), &found) != 0 || !S_ISREG(found.st_mode)) return std::nullopt;
    // libdw would unpack an archive of any size.
    std::array<char, SELFMAG> magic{};
    if (::pread(file.get(), magic.data(), magic.size(), 0) != SELFMAG) return std::nullopt;
    if (std::memcmp(magic.data(), ELFMAG, SELFMAG) != 0) return std::nullopt;
    OpenedModule opened;
    opened.has_lines_ = found.st_size <= largest_with_lines;
    static const Dwfl_Callbacks with = callbacks_with(find_debug_file);
    static const Dwfl_Callbacks without = callbacks_with(find_no_debug_file);
    opened.session_.reset(dwfl_begin(opened.has_lines_ ? &with : &without));
    if (!opened.session_) return std::nullopt;
    opened.module_ = dwfl_report_offline(opened.session_.get(), path.c_str(), path.c_str(), file.get());
    if (opened.module_ == nullptr) return std::nullopt;
    file.release();  // the session's now
    dwfl_report_end(opened.session_.get(), nullptr, nullptr);
    GElf_Addr bias = 0;
    Elf* elf = dwfl_module_getelf(opened.module_, &bias);
    const std::optional<GElf_Addr> lowest = elf != nullptr ? lowest_address(elf) : std::nullopt;
    if (!lowest) return std::nullopt;
    opened.base_ = bias + *lowest;
    return opened;
  }

  void find_symbol(CodePlace& place) const {
    GElf_Off within = 0;
    GElf_Sym symbol{};
    const char* name = dwfl_module_addrinfo(module_, base_ + place.offset, &within, &symbol, nullptr, nullptr, nullptr);
    if (name == nullptr) return;
    place.function = demangled(name);
    place.function_offset = within;
  }

  void find_line(CodePlace& place) const {
    if (!has_lines_) return;
    const GElf_Addr address = base_ + place.offset;
    Dwarf_Addr bias = 0;
    Dwarf_Die* unit = dwfl_module_addrdie(module_, address, &bias);
    if (unit != nullptr) find_function(place, unit, address - bias);
    if (unit != nullptr && !place.file.empty()) return;
    Dwfl_Line* line = dwfl_module_getsrc(module_, address);
    int number = 0;
    const char* file = line != nullptr ? dwfl_lineinfo(line, nullptr, &number, nullptr, nullptr, nullptr) : nullptr;
    if (file == nullptr) return;
    const char* folder = file[0] == '/' ? nullptr : dwfl_line_comp_dir(line);
    place.file = in_folder(folder, file);
    place.line = number;
  }

private:
  OpenedModule() = default;

  static std::string in_folder(const char* folder, const char* file) {
    return folder == nullptr ? bounded_text(file) : bounded_text(folder) + "/" + bounded_text(file);
  }

  /// The innermost scope with a name of a function. Where the code of a system header was inlined, the place is that of
  /// the call, in the program's own source; then file and line are set too.
  static void find_function(CodePlace& place, Dwarf_Die* unit, Dwarf_Addr address) {
    Dwarf_Die* scopes = nullptr;
    const int count = dwarf_getscopes(unit, address, &scopes);
    const std::unique_ptr<Dwarf_Die, void (*)(void*)> owner{scopes, std::free};
    for (int i = 0; i < count; ++i) {
      if (dwarf_tag(&scopes[i]) == DW_TAG_inlined_subroutine && is_system_scope(&scopes[i])) {
        set_call_place(place, unit, &scopes[i]);
        continue;
      }
      const int tag = dwarf_tag(&scopes[i]);
      if (tag != DW_TAG_inlined_subroutine && tag != DW_TAG_subprogram) continue;
      Dwarf_Attribute found{};
      const char* linkage = dwarf_formstring(dwarf_attr_integrate(&scopes[i], DW_AT_linkage_name, &found));
      const std::string name = linkage != nullptr ? demangled(linkage) : bounded_text(dwarf_diename(&scopes[i]));
      if (name.empty()) continue;
      place.function = name;
      place.function_offset = 0;
      return;
    }
  }

  static bool is_system_scope(Dwarf_Die* scope) {
    Dwarf_Attribute found{};
    Dwarf_Die origin{};
    if (dwarf_formref_die(dwarf_attr(scope, DW_AT_abstract_origin, &found), &origin) == nullptr) return false;
    const char* file = dwarf_decl_file(&origin);
    return file != nullptr && is_system_source(file);
  }

  static void set_call_place(CodePlace& place, Dwarf_Die* unit, Dwarf_Die* scope) {
    Dwarf_Attribute found{};
    Dwarf_Word file = 0, line = 0;
    Dwarf_Files* files = nullptr;
    std::size_t count = 0;
    if (dwarf_formudata(dwarf_attr(scope, DW_AT_call_file, &found), &file) != 0) return;
    if (dwarf_formudata(dwarf_attr(scope, DW_AT_call_line, &found), &line) != 0) return;
    if (dwarf_getsrcfiles(unit, &files, &count) != 0 || file >= count) return;
    const char* name = dwarf_filesrc(files, file, nullptr, nullptr);
    if (name == nullptr) return;
    const char* folder = dwarf_formstring(dwarf_attr(unit, DW_AT_comp_dir, &found));
    place.file = in_folder(name[0] == '/' ? nullptr : folder, name);
    place.line = static_cast<int>(std::min<Dwarf_Word>(line, 1u << 30));
  }

  std::unique_ptr<Dwfl, void (*)(Dwfl*)> session_{nullptr, dwfl_end};
  Dwfl_Module* module_ = nullptr;
  GElf_Addr base_ = 0;
  bool has_lines_ = true;
};

std::string hexadecimal(std::uint64_t number) {
  std::string digits;
  do {
    digits.insert(digits.begin(), "0123456789abcdef"[number % 16]);
    number /= 16;
  } while (number != 0);
  return "0x" + digits;
}

}  // namespace

bool is_system_source(const std::string& file) {
  return file.starts_with("/usr/include/") || file.starts_with("/usr/lib/") || file.starts_with("/usr/lib64/");
}

std::string to_text(const CodePlace& place) {
  if (place.function.empty() && place.file.empty()) return place.module + "+" + hexadecimal(place.offset);
  if (place.file.empty()) return place.function + "+" + hexadecimal(place.function_offset) + " (" + place.module + ")";
  const std::string line = place.file + ":" + std::to_string(place.line);
  return place.function.empty() ? line : place.function + " (" + line + ")";
}

std::vector<CodePlace> code_places(const std::filesystem::path& module, const std::vector<std::uint64_t>& offsets,
                                   double seconds) {
  std::vector<CodePlace> places;
  places.reserve(offsets.size());
  for (const std::uint64_t offset : offsets)
    places.push_back({.module = module.string(), .offset = offset});
  const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>{seconds});
  const std::optional<OpenedModule> opened = OpenedModule::open(module);
  if (!opened) return places;
  for (CodePlace& place : places) {
    opened->find_symbol(place);
    if (Clock::now() < end) opened->find_line(place);
  }
  return places;
}

}  // namespace ndr

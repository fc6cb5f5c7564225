#include "supervisor/arms/hold/elf_program.hpp"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <gelf.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string_view>

#include "supervisor/arms/hold/function_names.hpp"

namespace ndr::hold {
namespace {

struct AddressRange {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

struct NamedFunction {
  AddressRange range;
  std::string symbol;
  bool is_global = false;
  FunctionOwner owner = FunctionOwner::nobody;
};

struct CodeSection {
  AddressRange range;
  const std::uint8_t* bytes = nullptr;
  bool is_text = false;
};

struct ElfClosing {
  void operator()(Elf* elf) const { elf_end(elf); }
};
struct DwarfClosing {
  void operator()(Dwarf* dwarf) const { dwarf_end(dwarf); }
};

// What is read of the file's tables.
struct ProgramTables {
  std::uint64_t entry = 0;
  bool is_static = true;
  bool is_go = false;
  std::vector<CodeSection> code;
  std::vector<NamedFunction> functions;
};

void read_symbols(Elf_Scn* section, const GElf_Shdr& header, Elf* elf, ProgramTables& tables) {
  Elf_Data* data = elf_getdata(section, nullptr);
  if (data == nullptr || header.sh_entsize == 0) return;
  const auto count = static_cast<int>(header.sh_size / header.sh_entsize);
  for (int i = 0; i < count; ++i) {
    GElf_Sym symbol{};
    if (gelf_getsym(data, i, &symbol) == nullptr || GELF_ST_TYPE(symbol.st_info) != STT_FUNC) continue;
    const char* name = elf_strptr(elf, header.sh_link, symbol.st_name);
    if (name == nullptr || symbol.st_shndx == SHN_UNDEF) continue;
    tables.functions.push_back(
        {{symbol.st_value, symbol.st_value + symbol.st_size}, name, GELF_ST_BIND(symbol.st_info) == STB_GLOBAL});
  }
}

void read_section(Elf_Scn* section, std::size_t names, Elf* elf, ProgramTables& tables) {
  GElf_Shdr header{};
  if (gelf_getshdr(section, &header) == nullptr) return;
  const char* found = elf_strptr(elf, names, header.sh_name);
  const std::string_view name = found == nullptr ? "" : found;
  if (name == ".go.buildinfo" || name == ".gopclntab") tables.is_go = true;
  if (header.sh_type == SHT_SYMTAB) read_symbols(section, header, elf, tables);
  const bool has_code = header.sh_type == SHT_PROGBITS && (header.sh_flags & SHF_EXECINSTR) != 0;
  if (!has_code || !name.starts_with(".text")) return;
  const Elf_Data* data = elf_getdata(section, nullptr);
  if (data == nullptr || data->d_buf == nullptr) return;
  tables.code.push_back({{header.sh_addr, header.sh_addr + data->d_size},
                         static_cast<const std::uint8_t*>(data->d_buf),
                         name == ".text"});
}

bool read_tables(Elf* elf, ProgramTables& tables) {
  GElf_Ehdr header{};
  if (gelf_getehdr(elf, &header) == nullptr || header.e_machine != EM_X86_64 || gelf_getclass(elf) != ELFCLASS64)
    return false;
  if (header.e_type != ET_EXEC && header.e_type != ET_DYN) return false;
  tables.entry = header.e_entry;
  std::size_t segments = 0;
  elf_getphdrnum(elf, &segments);
  for (std::size_t i = 0; i < segments; ++i) {
    GElf_Phdr segment{};
    if (gelf_getphdr(elf, static_cast<int>(i), &segment) != nullptr && segment.p_type == PT_INTERP)
      tables.is_static = false;
  }
  std::size_t names = 0;
  if (elf_getshdrstrndx(elf, &names) != 0) return false;
  for (Elf_Scn* section = elf_nextscn(elf, nullptr); section != nullptr; section = elf_nextscn(elf, section))
    read_section(section, names, elf, tables);
  return true;
}

std::string text_of(Dwarf_Die& unit, unsigned attribute) {
  Dwarf_Attribute found{};
  const char* text = dwarf_formstring(dwarf_attr(&unit, attribute, &found));
  return text == nullptr ? "" : text;
}

// Libraries that were compiled with debug information elsewhere: the system's, and Rust's own.
bool is_foreign_unit(Dwarf_Die& unit) {
  std::string source = text_of(unit, DW_AT_name);
  if (!source.starts_with('/')) source = text_of(unit, DW_AT_comp_dir) + "/" + source;
  return dwarf_srclang(&unit) == DW_LANG_Mips_Assembler || source.starts_with("/usr/") ||
         source.starts_with("/rustc/") || source.find("/.cargo/registry/") != std::string::npos;
}

std::vector<AddressRange> debug_ranges(Elf* elf) {
  std::vector<AddressRange> ranges;
  const std::unique_ptr<Dwarf, DwarfClosing> dwarf{dwarf_begin_elf(elf, DWARF_C_READ, nullptr)};
  if (dwarf == nullptr) return ranges;
  Dwarf_CU* unit = nullptr;
  Dwarf_Die die{};
  while (dwarf_get_units(dwarf.get(), unit, &unit, nullptr, nullptr, &die, nullptr) == 0) {
    if (is_foreign_unit(die)) continue;
    Dwarf_Addr base = 0;
    Dwarf_Addr begin = 0;
    Dwarf_Addr end = 0;
    for (std::ptrdiff_t at = 0; (at = dwarf_ranges(&die, at, &base, &begin, &end)) > 0;)
      ranges.push_back({begin, end});
  }
  std::sort(ranges.begin(), ranges.end(), [](const auto& a, const auto& b) { return a.begin < b.begin; });
  return ranges;
}

bool is_within(const std::vector<AddressRange>& ranges, std::uint64_t address) {
  const auto next =
      std::upper_bound(ranges.begin(), ranges.end(), address,
                       [](std::uint64_t value, const AddressRange& range) { return value < range.begin; });
  return next != ranges.begin() && address < std::prev(next)->end;
}

// Where the objects of the program lie in a static one: behind the start-up code, before the first library.
AddressRange between_start_and_libraries(const std::vector<NamedFunction>& functions) {
  AddressRange own{0, UINT64_MAX};
  for (const NamedFunction& function : functions)
    if (function.symbol == "frame_dummy") own.begin = function.range.begin;
  for (const NamedFunction& function : functions) {
    const bool is_reserved = function.symbol.starts_with("_") && owner_of(function.symbol) != FunctionOwner::test;
    if (function.is_global && is_reserved && function.range.begin > own.begin)
      own.end = std::min(own.end, function.range.begin);
  }
  return own;
}

void find_owners(Elf* elf, ProgramTables& tables) {
  const std::vector<AddressRange> described = tables.is_go ? std::vector<AddressRange>{} : debug_ranges(elf);
  AddressRange place{0, UINT64_MAX};
  if (described.empty() && tables.is_static && !tables.is_go) place = between_start_and_libraries(tables.functions);
  for (NamedFunction& function : tables.functions) {
    function.owner = tables.is_go ? owner_of_go(function.symbol) : owner_of(function.symbol);
    const std::uint64_t begin = function.range.begin;
    const bool is_own = described.empty() ? function.symbol == "main" || (begin >= place.begin && begin < place.end)
                                          : is_within(described, begin);
    if (!is_own) function.owner = FunctionOwner::nobody;
  }
}

// Own functions in the order of their addresses, each address once.
std::vector<NamedFunction> own_functions(std::vector<NamedFunction> functions, const std::vector<std::string>& near) {
  std::erase_if(functions, [](const NamedFunction& function) { return function.owner == FunctionOwner::nobody; });
  if (!near.empty())
    std::erase_if(functions, [&near](const NamedFunction& function) { return !is_near(function.symbol, near); });
  std::sort(functions.begin(), functions.end(),
            [](const NamedFunction& a, const NamedFunction& b) { return a.range.begin < b.range.begin; });
  return functions;
}

void append_accesses(const ProgramTables& tables, AddressRange range, bool is_library, ProgramAccesses& made) {
  for (const CodeSection& section : tables.code) {
    if (range.begin < section.range.begin || range.end > section.range.end) continue;
    const std::span<const std::uint8_t> bytes{section.bytes + (range.begin - section.range.begin),
                                              static_cast<std::size_t>(range.end - range.begin)};
    for (MemoryAccess access : accesses_in(bytes, range.begin)) {
      if (is_library) access.kind = AccessKind::library;
      made.accesses.push_back(access);
    }
  }
}

}  // namespace

ProgramAccesses program_accesses(const std::string& path, const std::vector<std::string>& near) {
  ProgramAccesses made;
  elf_version(EV_CURRENT);
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return made;
  {
    const std::unique_ptr<Elf, ElfClosing> elf{elf_begin(file, ELF_C_READ_MMAP, nullptr)};
    ProgramTables tables;
    if (elf != nullptr && read_tables(elf.get(), tables)) {
      made.entry = tables.entry;
      find_owners(elf.get(), tables);
      std::uint64_t done = 0;
      for (const NamedFunction& function : own_functions(tables.functions, near)) {
        if (function.range.begin < done) continue;  // another name of the same code
        append_accesses(tables, function.range, function.owner == FunctionOwner::library, made);
        done = function.range.end;
      }
      for (const CodeSection& section : tables.code)
        if (tables.functions.empty() && !tables.is_static && section.is_text)
          append_accesses(tables, section.range, false, made);
    }
  }
  ::close(file);
  return made;
}

}  // namespace ndr::hold

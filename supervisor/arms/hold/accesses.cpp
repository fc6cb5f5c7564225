#include "supervisor/arms/hold/accesses.hpp"

#include <capstone/capstone.h>

#include <memory>
#include <optional>
#include <stdexcept>

namespace ndr::hold {
namespace {

class Decoder {
public:
  Decoder() {
    if (cs_open(CS_ARCH_X86, CS_MODE_64, &handle_) != CS_ERR_OK) throw std::runtime_error("capstone: cs_open");
    cs_option(handle_, CS_OPT_DETAIL, CS_OPT_ON);
    instruction_ = cs_malloc(handle_);
  }
  ~Decoder() {
    cs_free(instruction_, 1);
    cs_close(&handle_);
  }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  // Null where the bytes are no instruction.
  const cs_insn* next(const std::uint8_t*& code, std::size_t& size, std::uint64_t& address) {
    return cs_disasm_iter(handle_, &code, &size, &address, instruction_) ? instruction_ : nullptr;
  }
  bool calls(const cs_insn& found) const { return cs_insn_group(handle_, &found, CS_GRP_CALL); }
  bool jumps(const cs_insn& found) const {
    return cs_insn_group(handle_, &found, CS_GRP_JUMP) || cs_insn_group(handle_, &found, CS_GRP_CALL) ||
           cs_insn_group(handle_, &found, CS_GRP_RET) || cs_insn_group(handle_, &found, CS_GRP_INT);
  }

private:
  csh handle_ = 0;
  cs_insn* instruction_ = nullptr;
};

bool only_looks_like_access(unsigned id) {
  switch (id) {
    case X86_INS_LEA:
    case X86_INS_NOP:
    case X86_INS_PREFETCH:
    case X86_INS_PREFETCHNTA:
    case X86_INS_PREFETCHT0:
    case X86_INS_PREFETCHT1:
    case X86_INS_PREFETCHT2:
    case X86_INS_PREFETCHW:
    case X86_INS_PUSH:
    case X86_INS_POP:
    case X86_INS_LEAVE:
    case X86_INS_ENTER:
    case X86_INS_INT3:
      return true;
    default:
      return false;
  }
}

bool is_frame_register(x86_reg found) {
  return found == X86_REG_RSP || found == X86_REG_RBP || found == X86_REG_ESP || found == X86_REG_EBP;
}

std::optional<AccessKind> kind_of(const cs_insn& found) {
  if (only_looks_like_access(found.id)) return std::nullopt;
  const cs_x86& detail = found.detail->x86;
  for (std::uint8_t i = 0; i < detail.op_count; ++i) {
    const cs_x86_op& operand = detail.operands[i];
    if (operand.type != X86_OP_MEM) continue;
    if (operand.mem.segment == X86_REG_FS || operand.mem.segment == X86_REG_GS) return std::nullopt;
    // A locked access of a slot of the frame is one that others reach: nobody locks for himself.
    const bool is_slot = is_frame_register(operand.mem.base) && operand.mem.index == X86_REG_INVALID &&
                         detail.prefix[0] != X86_PREFIX_LOCK && found.id != X86_INS_XCHG;
    return is_slot ? AccessKind::stack : AccessKind::own;
  }
  return std::nullopt;
}

}  // namespace

std::vector<MemoryAccess> accesses_in(std::span<const std::uint8_t> code, std::uint64_t address) {
  static Decoder decoder;
  std::vector<MemoryAccess> found;
  const std::uint8_t* at = code.data();
  std::size_t left = code.size();
  while (left > 0) {
    const std::uint8_t first_byte = *at;
    const cs_insn* instruction = decoder.next(at, left, address);
    if (instruction == nullptr) break;
    if (decoder.calls(*instruction)) found.push_back({instruction->address, first_byte, AccessKind::call});
    if (decoder.jumps(*instruction)) continue;
    if (const auto kind = kind_of(*instruction)) found.push_back({instruction->address, first_byte, *kind});
  }
  return found;
}

}  // namespace ndr::hold

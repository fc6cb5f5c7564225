#include "supervisor/arms/hold/call_filter.hpp"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace ndr::hold {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t machine = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t machine = AUDIT_ARCH_AARCH64;
#else
#error "ndrepro-hold knows the calls of x86-64 and aarch64"
#endif

// The most frequent ones first: the kernel compares in this order.
constexpr long meeting_calls[] = {
    SYS_futex,     SYS_read,     SYS_write,    SYS_openat,    SYS_close,   SYS_fcntl,   SYS_pread64, SYS_pwrite64,
    SYS_readv,     SYS_writev,   SYS_recvfrom, SYS_sendto,    SYS_recvmsg, SYS_sendmsg, SYS_connect, SYS_bind,
    SYS_accept,    SYS_accept4,  SYS_wait4,    SYS_waitid,    SYS_kill,    SYS_tgkill,  SYS_flock,   SYS_fsync,
    SYS_ftruncate, SYS_unlinkat, SYS_mkdirat,  SYS_renameat2, SYS_linkat,
#if defined(__x86_64__)
    SYS_open,      SYS_rename,   SYS_renameat, SYS_unlink,    SYS_mkdir,   SYS_rmdir,   SYS_link,
#endif
};

}  // namespace

std::vector<sock_filter> call_filter() {
  constexpr std::uint32_t load = BPF_LD | BPF_W | BPF_ABS;
  constexpr std::uint32_t if_equal = BPF_JMP | BPF_JEQ | BPF_K;
  constexpr std::uint32_t answer = BPF_RET | BPF_K;
  std::vector<sock_filter> filter;
  filter.push_back(BPF_STMT(load, offsetof(seccomp_data, arch)));
  filter.push_back(BPF_JUMP(if_equal, machine, 1, 0));
  filter.push_back(BPF_STMT(answer, SECCOMP_RET_ALLOW));
  filter.push_back(BPF_STMT(load, offsetof(seccomp_data, nr)));
  std::size_t left = std::size(meeting_calls);
  for (const long call : meeting_calls) {
    filter.push_back(BPF_JUMP(if_equal, static_cast<std::uint32_t>(call), static_cast<std::uint8_t>(left), 0));
    --left;
  }
  filter.push_back(BPF_STMT(answer, SECCOMP_RET_ALLOW));
  filter.push_back(BPF_STMT(answer, SECCOMP_RET_TRACE));
  return filter;
}

int install_call_filter() {
  std::vector<sock_filter> filter = call_filter();
  const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
  // Without SPEC_ALLOW some kernels slow the whole process down.
  constexpr unsigned flags = SECCOMP_FILTER_FLAG_SPEC_ALLOW;
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) == 0) return 0;
  if (errno != EACCES) return errno;
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
  return ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) == 0 ? 0 : errno;
}

}  // namespace ndr::hold

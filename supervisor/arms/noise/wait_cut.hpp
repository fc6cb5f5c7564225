#pragma once
#include <time.h>

namespace ndr::noise {

/// The end of a wait that is to end at `until` of that clock: 30 us from now where it has less than 10 ms to go, since
/// what polls and hands over, as Python's interpreter lock does, then hands over more often. Long deadlines stay.
timespec cut(const timespec& until, clockid_t clock);

/// Which clock a condition uses is not to be seen: the monotonic one counts from the boot, the other from 1970.
clockid_t clock_of(const timespec& until);

}  // namespace ndr::noise

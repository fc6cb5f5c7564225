#pragma once
namespace ndr::noise {

/// Before anything else: what NDREPRO_NOISE says; null is off.
void read_settings(const char* text);
/// Short waits are cut here and now.
bool cuts_waits();

/// A call around which others may come in between, that returns to `caller`. Only behind the gate.
void point(void* caller);

/// A thread ends: what it has passed and not yet counted is counted.
void count_rest();

/// Where a thread or a process begins, and where it was made.
void start_point(void* caller);

/// The first thread or process is made: from here on there is somebody to be ordered against. False where the mode is
/// off, or the gate was open.
bool open_gate();
bool gate_is_open();

/// In the child of a fork(), which has its own report and its own numbers.
void begin_child();

}  // namespace ndr::noise

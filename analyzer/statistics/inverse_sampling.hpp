#pragma once
#include <cstdint>

#include "analyzer/statistics/interval.hpp"

namespace ndr {

/// Exact interval for the rate where runs went on until `wanted` of them had matched, or until there was no room for
/// more: `matched` of `runs` did. Each bound is missed with probability (1 - confidence) / 2 at most, under that rule
/// as it stands. Every outcome has its place in one order, by the moment of its stop as in group-sequential designs
/// (Jennison and Turnbull, Technometrics 25, 1983): a stop says the higher a rate the earlier it came and the more had
/// matched by then; below all stops come the ends without one, by what had matched. "At least as high in the order as a
/// stop at run n" is then the event that n runs match `wanted` times, and "at most as high" that n - 1 runs do not, so
/// that a stop at the k-th match has the bounds Beta(k, n-k+1) and Beta(k, n-k) (negative binomial), an end those of
/// Clopper and Pearson. The room does not enter: it may be unknown, or given by time.
///
/// What is assumed: runs are independent at one rate, and the arm was not left, or come back to, because of its matches
/// (there `confidence_sequence` holds). A run that the budget cut off is left out. Where time ends the runs and a match
/// is quicker than other runs, the bounds err on the safe side. Where it takes r times as long, the budget cuts off
/// matches rather than others, and the upper bound of an end without a stop holds only with r - 1 runs fewer; all other
/// bounds hold as they are.
///
/// `last_batch`: runs since stopping was last possible, the last one included. 1 where each match ends its batch, since
/// the run of the stop is then known; the size of the last batch where that went on to its end, or its runs went side
/// by side. Then `matched` may exceed `wanted`. `wanted` >= 1, 0 <= matched <= runs, 1 <= last_batch <= runs, and fewer
/// than `wanted` before the last batch.
Interval interval_until(std::int64_t wanted, std::int64_t matched, std::int64_t runs, double confidence,
                        std::int64_t last_batch = 1);

}  // namespace ndr

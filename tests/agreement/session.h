// One generated policy in all its forms, and one history run through each of them, step by step.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "compiler/lower/lower.h"
#include "compiler/typed/typed.h"
#include "runtime/decision/decision.h"
#include "runtime/frame/frame.h"
#include "runtime/state/state.h"
#include "tests/agreement/history.h"
#include "tests/agreement/oracle.h"

namespace writ::agreement {

struct Options {
  bool native = true, optimize = false;
  bool oracle = true;
  uint32_t solver_frames = 0;   // of each history
  int native_fault = 0;         // effective in the faulty binary only
};

// What a run has come to see.
struct Statistics {
  uint64_t programs = 0, decisions = 0, excused = 0, indeterminate = 0, conclusions = 0, computed = 0, folds = 0, frames_solved = 0;
  // Reviews of which every way in which they could go on was tried; of them, those that were concluded before everybody had
  // spoken, those that came to a clause at their deadline with somebody missing, and those that came to nothing.
  uint64_t completions = 0, early = 0, decided_late = 0, undecided_late = 0;
  std::array<uint64_t, 4> outcomes{};                       // by Outcome
  std::array<uint64_t, static_cast<size_t>(Builtin::kCount)> reasons{};
  std::vector<uint64_t> ops = std::vector<uint64_t>(256, 0);  // by ir::Op: how many functions that ran hold it
  std::vector<uint64_t> kinds = std::vector<uint64_t>(64, 0), quantifiers = std::vector<uint64_t>(16, 0),
                        calendars = std::vector<uint64_t>(8, 0);
  uint64_t attributes = 0;                                  // of actors, that were read
  uint64_t consents = 0;                                    // grants of consent that counted
  uint64_t asks = 0, silent = 0;                            // `ask` rules that ask, and that do not
  uint64_t wanted = 0, unwanted = 0;                        // tasks of plans, and their ends
  uint64_t upons = 0, told = 0, untold = 0;                 // `upon` that applied; values of obligations, there and not there
  uint64_t populations = 0, facts_through = 0, found_by_element = 0;
  uint64_t grants = 0, exceeded = 0;                        // proposals under a grant, and those past its limit alone
  std::vector<uint32_t> rules, domains;                     // of each program
  void Add(const Statistics& other);
};

struct Decided {
  Outcome outcome = Outcome::kPermit;
  bool ran = false;
  OracleDecision decision;             // as the interpreter gave it
  std::vector<std::string> concluded;  // what each review of the workflow would come to now, by the clause's name
};

class Session {
 public:
  // `program` outlives the session.
  Session(const typed::Program* program, const Options& options, Statistics* statistics);
  ~Session();

  // Lowers, verifies and compiles. What went wrong, or nothing.
  std::optional<std::string> Prepare();
  // Decides the step everywhere, compares, and applies it. `commit`: as another session did; none: as it was decided.
  std::optional<std::string> Run(const Step& step, std::optional<bool> commit = std::nullopt, Decided* decided = nullptr);

  const World& world() const { return *world_; }
  const lower::Lowered& lowered() const { return lowered_; }
  bool committed() const { return committed_; }   // by the last step

 private:
  class BothPolicy;
  std::optional<std::string> Computed(Proposal* proposal, bool* fits);
  std::optional<std::string> Consequences(const Proposal& proposal);
  std::optional<std::string> Asks(const Proposal& proposal);
  std::optional<std::string> Plans(const Proposal& proposal);
  std::optional<std::string> Decide(const Proposal& proposal, Decided* decided);
  std::optional<std::string> Conclude(const Proposal& proposal, Decided* decided);
  std::optional<std::string> Complete(const Proposal& proposal, ReviewId review);
  std::optional<std::string> RoundTrip(const Function& function, const Frame& frame, Frame* again);

  const typed::Program& program_;
  const Options options_;
  Statistics* statistics_;
  lower::Lowered lowered_;
  std::unique_ptr<CompiledPolicy> native_;
  std::unique_ptr<BothPolicy> policy_;
  std::unique_ptr<World> world_;
  std::unique_ptr<Oracle> oracle_;
  std::set<uint32_t> ran_;
  Frame frame_, again_;
  int64_t position_ = 0;
  uint32_t solved_ = 0, steps_ = 0, completed_ = 0;
  uint32_t due_at_ = 0;                     // the step from which on the next frame is solved
  bool due_ = false, solving_ = false;
  bool committed_ = false;
};

std::string Describe(const Schema& schema, const OracleDecision& decision);
std::string Describe(const Schema& schema, const Step& step);

}  // namespace writ::agreement

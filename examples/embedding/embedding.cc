// The runtime in a host: compiles a policy, opens a store in the directory given, and lets two threads propose.
//
//   embedding POLICY-DIRECTORY STORE-DIRECTORY
#include <cstdio>
#include <string>
#include <thread>

#include "compiler/driver/pipeline.h"
#include "runtime/orchestrator/commit_loop.h"
#include "runtime/store/sqlite_store.h"

namespace {

void Print(const writ::CommitLoop::Answer& answer) {
  if (!answer.ok()) {
    std::printf("refused: %s\n", std::string(answer.status().message()).c_str());
    return;
  }
  static const char* const kOutcomes[] = {"permit", "escalate", "hold", "deny"};
  for (const writ::DecisionRecord& decision : *answer) {
    std::printf("%s %s by %s: %s, %s now\n", decision.on.c_str(), decision.proposal.c_str(), decision.by.c_str(),
                kOutcomes[static_cast<int>(decision.outcome)], decision.state.c_str());
  }
}

writ::ActorDescription Agent(const char* id, const char* role) {
  writ::ActorDescription agent;
  agent.id = id;
  agent.roles = {role};
  return agent;
}

int Run(const std::string& policy_directory, const std::string& store_directory) {
  auto compiled = writ::driver::CompileFiles({policy_directory}, writ::driver::Stage::kNative);
  if (!compiled.ok() || !(*compiled)->ok()) return 1;
  auto policy = writ::driver::MakePolicy(**compiled, /*interpret=*/false);
  auto store = writ::store::OpenSqliteStore(store_directory, {});
  if (!policy.ok() || !store.ok()) return 2;

  writ::SystemClock clock;
  writ::OrchestratorOptions options;
  options.mode = writ::ClockMode::kLive;
  options.clock = &clock;
  options.trusted_input = false;
  options.founders = {Agent("desk-1", "DealDesk"), Agent("crm-sync", "Crm")};
  auto orchestrator = writ::Orchestrator::Open(policy->get(), store->get(), options);
  if (!orchestrator.ok()) return 2;
  writ::CommitLoop loop(orchestrator->get(), &clock);

  writ::Submission customer;
  customer.kind = writ::Submission::Kind::kSet;
  customer.workflow = "Customer";
  customer.on = "c-17";
  customer.by = "crm-sync";
  customer.sets = writ::Input::Object{{"name", "Initech"},
                                      {"jurisdiction", "US"},
                                      {"credit_score", int64_t{610}},
                                      {"credit_reviewed", "2026-01-10T00:00:00Z"}};
  Print(loop.Propose(customer));

  const auto open_deals = [&loop](int first) {
    for (int i = first; i < first + 2; ++i) {
      writ::Submission open;
      open.transition = "open";
      open.workflow = "Deal";
      open.on = "d-" + std::to_string(i);
      open.by = "desk-1";
      open.sets = writ::Input::Object{{"amount", "2400000 USD"}, {"discount", "38%"}, {"terms", "deferred"}, {"customer", "c-17"}};
      if (!loop.Propose(open).ok()) std::printf("refused\n");
    }
  };
  std::thread other(open_deals, 3);
  open_deals(1);
  other.join();

  writ::Submission approve;
  approve.transition = "approve";
  approve.on = "d-1";
  approve.by = "desk-1";
  Print(loop.Propose(approve));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: embedding POLICY-DIRECTORY STORE-DIRECTORY\n");
    return 2;
  }
  return Run(argv[1], argv[2]);
}

// The `writ` command: what can be asked, and of which verb.
#include <CLI/CLI.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "compiler/driver/verbs.h"

namespace writ::driver {
namespace {

void AddCompileOptions(CLI::App* verb, CompileRequest* request) {
  verb->add_option("FILES", request->files, "policy files; a directory means every .writ below it")->type_name("");
  verb->add_option("--dump", request->dump, "print a form of the program, and nothing else")
      ->check(CLI::IsMember({"ast", "typed", "ir", "llvm"}));
  verb->add_option("--stop-after", request->stop_after, "stop after a pass")
      ->check(CLI::IsMember({"parse", "check", "lower", "native"}));
  verb->add_flag("--time-passes", request->time_passes, "say on standard error how long each pass took");
  verb->add_flag("--interpret", request->interpret, "decide by the reference interpreter instead of native code");
  verb->add_flag("--json", request->json, "for programs: one object, or one object a line");
}

// Asked for after parsing, so that an option that is not known is told first.
void Need(bool is_there, const char* what) {
  if (!is_there) throw CLI::RequiredError(what);
}
constexpr char kFiles[] = "FILES, the policy's files,";

// What a verb cannot do without is not in brackets.
class Help : public CLI::Formatter {
 public:
  std::string make_usage(const CLI::App* app, std::string name) const override {
    return absl::StrReplaceAll(Formatter::make_usage(app, std::move(name)),
                               {{"[FILES...]", "FILES..."}, {"[SUBCOMMAND]", "VERB"}});
  }
};

struct Requests {
  CompileRequest check;
  RunRequest run;
  TestRequest test;
  ReplayRequest replay;
  ExplainRequest explain;
  VerifyRequest verify;
  FmtRequest fmt;
};

void AddCheck(CLI::App* app, Requests* requests) {
  CLI::App* verb = app->add_subcommand("check", "parse and type-check: all diagnostics at once, on standard output");
  CompileRequest* request = &requests->check;
  AddCompileOptions(verb, request);
  verb->callback([request] { Need(!request->files.empty(), kFiles); });
}

void AddRun(CLI::App* app, Requests* requests) {
  CLI::App* verb = app->add_subcommand("run", "decide events, one JSON object a line in and out");
  RunRequest* request = &requests->run;
  AddCompileOptions(verb, &request->compile);
  verb->add_option("--events", request->events, "a file of events, or - for standard input")->type_name("F");
  verb->add_option("--store", request->store, "keep them in this directory; a decision is printed once it is durable")
      ->type_name("DIR");
  verb->add_option("--fail-on", request->fail_on, "outcomes that make the exit status 1: deny, hold, escalate, permit")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("OUTCOME,…")
      ->check(CLI::IsMember({"permit", "deny", "hold", "escalate"}).description(""));
  verb->callback([request] {
    Need(!request->compile.files.empty(), kFiles);
    Need(!request->events.empty(), "--events");
  });
}

void AddTest(CLI::App* app, Requests* requests) {
  CLI::App* verb = app->add_subcommand("test", "run `test`, `scenario` and `property` blocks");
  TestRequest* request = &requests->test;
  AddCompileOptions(verb, &request->compile);
  verb->add_option("--junit", request->junit, "write a JUnit report to this file")->type_name("F");
  verb->add_option("--filter", request->filter, "only tests whose name contains this text");
  verb->add_flag("--skip-missing", request->skip_missing, "skip a scenario whose log is not there, instead of failing");
  verb->add_option("--histories", request->history_count, "random histories that properties are attacked with")
      ->type_name("N")
      ->check(CLI::Range(int64_t{0}, int64_t{1'000'000'000}))
      ->capture_default_str();
  verb->add_option("--seed", request->seed, "where the random histories begin")->type_name("N")->capture_default_str();
  verb->callback([request] { Need(!request->compile.files.empty(), kFiles); });
}

void AddReplay(CLI::App* app, Requests* requests) {
  CLI::App* verb = app->add_subcommand("replay", "decide every event of a recorded log, and sum up");
  ReplayRequest* request = &requests->replay;
  AddCompileOptions(verb, &request->compile);
  CLI::Option* log =
      verb->add_option("--log", request->log, ".jsonl, .xes or .csv, each also with .gz after it")->type_name("F");
  CLI::Option* store = verb->add_option("--store", request->store, "a store that `run` kept")->type_name("DIR");
  log->excludes(store);
  verb->add_option("--follow", request->follow, "record: the state follows what happened; policy: what is permitted")
      ->check(CLI::IsMember({"record", "policy"}))
      ->capture_default_str();
  verb->add_option("--decisions", request->decisions, "write each decision to this file, or - for standard output")
      ->type_name("F");
  verb->add_option("--workflow", request->workflow, "the workflow that the log is about, where several could be");
  verb->callback([request] {
    Need(!request->compile.files.empty(), kFiles);
    Need(!request->log.empty() || !request->store.empty(), "--log or --store");
  });
}

void AddExplain(CLI::App* app, Requests* requests) {
  CLI::App* verb = app->add_subcommand("explain", "a diagnostic's code, or a decision of a store");
  ExplainRequest* request = &requests->explain;
  verb->add_option("code", request->code, "a diagnostic's code, like E0105");
  CLI::Option* store = verb->add_option("--store", request->store, "a store that `run` kept")->type_name("DIR");
  CLI::Option* position = verb->add_option("--position", request->position, "of the decision")
                              ->type_name("N")
                              ->check(CLI::Range(int64_t{1}, INT64_MAX));
  store->needs(position);
  position->needs(store);
  verb->add_flag("--json", request->json, "for programs: one object");
  verb->callback([request] {
    Need(!request->code.empty() || !request->store.empty(), "a code, or --store and --position,");
    if (!request->code.empty() && !request->store.empty()) {
      throw CLI::ValidationError("explain", absl::StrCat("a store has its policy with it: leave out ", request->code));
    }
  });
}

void AddVerify(CLI::App* app, Requests* requests) {
  CLI::App* verb =
      app->add_subcommand("verify", "check a store: hash chain, every decision again, the state folded anew");
  VerifyRequest* request = &requests->verify;
  verb->add_option("--store", request->store, "a store that `run` kept")->type_name("DIR");
  verb->add_flag("--json", request->json, "for programs: one object");
  verb->callback([request] { Need(!request->store.empty(), "--store"); });
}

void AddFmt(CLI::App* app, Requests* requests) {
  CLI::App* verb = app->add_subcommand("fmt", "write policy files in their canonical layout, in place");
  FmtRequest* request = &requests->fmt;
  verb->add_option("FILES", request->files,
                   "policy files; a directory means every .writ below it; - alone: standard input to standard output")
      ->type_name("");
  verb->add_flag("--check", request->check, "change nothing; name the files that would change, and exit with 1");
  verb->add_flag("--json", request->json, "for programs: one object a line, of a file or of a diagnostic");
  verb->callback([request] { Need(!request->files.empty(), kFiles); });
}

int Dispatch(const CLI::App& app, const Requests& requests) {
  if (app.got_subcommand("check")) return Check(requests.check);
  if (app.got_subcommand("run")) return Run(requests.run);
  if (app.got_subcommand("test")) return Test(requests.test);
  if (app.got_subcommand("replay")) return Replay(requests.replay);
  if (app.got_subcommand("explain")) return Explain(requests.explain);
  if (app.got_subcommand("fmt")) return Fmt(requests.fmt);
  return Verify(requests.verify);
}

std::string UsageError(const CLI::App* app, const CLI::Error& error) {
  const std::vector<CLI::App*> verbs = app->get_subcommands();
  const std::string asked = verbs.empty() ? "writ" : "writ " + verbs.front()->get_name();
  return asked + ": " + error.what() + "\nSee `" + asked + " --help`.\n";
}

std::string Verbs(const CLI::App& app) {
  return absl::StrJoin(app.get_subcommands({}), ", ",
                       [](std::string* out, const CLI::App* verb) { out->append(verb->get_name()); });
}

// What stands first and is neither an option nor a verb.
bool IsUnknownVerb(const CLI::App& app, const std::string& word) {
  return word.rfind('-', 0) != 0 &&
         app.get_subcommands([&](const CLI::App* verb) { return verb->get_name() == word; }).empty();
}

// CLI11 speaks by exceptions; they end here.
int Main(int argument_count, char** arguments) {
  CLI::App app("writ: deterministic governance for workflows of agents and people", "writ");
  app.formatter(std::make_shared<Help>());
  app.get_formatter()->label("Subcommands", "Verbs");
  app.require_subcommand(0, 1);
  app.callback([&app] {
    if (app.get_subcommands().empty()) throw CLI::RequiredError(absl::StrCat("A verb, one of ", Verbs(app), ","));
  });
  app.set_version_flag("--version", "writ " WRIT_VERSION);
  app.footer("Exit status: 0 fine, 1 findings, 2 wrong usage or the world failed.");
  Requests requests;
  AddCheck(&app, &requests);
  AddRun(&app, &requests);
  AddTest(&app, &requests);
  AddReplay(&app, &requests);
  AddExplain(&app, &requests);
  AddVerify(&app, &requests);
  AddFmt(&app, &requests);
  app.failure_message(UsageError);
  try {
    if (argument_count > 1 && IsUnknownVerb(app, arguments[1]))
      throw CLI::ExtrasError(absl::StrCat("There is no verb `", arguments[1], "`; there are ", Verbs(app)),
                             CLI::ExitCodes::ExtrasError);
    app.parse(argument_count, arguments);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kFine : kFailed;
  }
  return Dispatch(app, requests);
}

}  // namespace
}  // namespace writ::driver

int main(int argument_count, char** arguments) { return writ::driver::Main(argument_count, arguments); }

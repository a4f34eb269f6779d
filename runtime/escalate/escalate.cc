#include "runtime/escalate/escalate.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "runtime/builtins/check.h"
#include "runtime/store/wire.h"

namespace writ {
namespace {

bool HasRule(const std::vector<std::string>& rules, const std::string& rule) {
  return std::find(rules.begin(), rules.end(), rule) != rules.end();
}

void Insert(std::vector<std::string>* sorted, const std::string& text) {
  auto at = std::lower_bound(sorted->begin(), sorted->end(), text);
  if (at == sorted->end() || *at != text) sorted->insert(at, text);
}

bool Before(const Question& a, const Question& b) {
  return std::pair(a.number, a.role) < std::pair(b.number, b.role);
}

Timer TimerOf(const Pending& pending, const Question& question) {
  Timer timer;
  timer.due_ns = question.until_ns;
  timer.position = question.number;
  timer.rule = question.rules.empty() ? std::string() : question.rules.front();
  timer.kind = Timer::Kind::kQuestion;
  timer.pending = pending.position;
  timer.role = question.role;
  return timer;
}

Timer TimerOf(const Pending& pending, const Await& await) {
  Timer timer;
  timer.due_ns = await.until_ns;
  timer.position = await.asked;
  timer.rule = await.rule;
  timer.kind = Timer::Kind::kAwait;
  timer.pending = pending.position;
  timer.role = await.by;
  return timer;
}

bool Ticks(const Question& question) { return question.state == QuestionState::kOpen; }
bool Ticks(const Await& await) { return !await.happened && !await.of_review; }

bool AsksNext(const Ladder& ladder) {
  return ladder.otherwise == Ladder::Else::kEscalate || ladder.otherwise == Ladder::Else::kAsk;
}

bool SameAwait(const Await& a, const Await& b) { return a.rule == b.rule && a.by == b.by; }

}  // namespace

std::string Escalations::Identity(const Schema& schema, const Proposal& proposal) {
  const Transition& transition = schema.workflows[proposal.workflow.value].transitions[proposal.transition.value];
  std::string identity;
  store::WireWriter writer(&identity);
  writer.Unsigned(proposal.workflow.value);
  writer.Text(proposal.key);
  writer.Unsigned(proposal.transition.value);
  writer.Unsigned(proposal.actor.role.value);
  for (size_t i = 0; i < proposal.sets.size(); ++i) {
    writer.Put(transition.sets[i].computed ? Value() : proposal.sets[i]);
  }
  for (const Value& value : proposal.payload) writer.Put(value);
  if (proposal.grant.has_value()) writer.Text(proposal.grant->key);
  return identity;
}

const Pending* Escalations::FindPending(int64_t position) const {
  auto found = pending_.find(position);
  return found == pending_.end() ? nullptr : &found->second;
}

const Pending* Escalations::FindSame(const std::string& identity) const {
  auto found = by_identity_.find(identity);
  return found == by_identity_.end() ? nullptr : FindPending(found->second);
}

std::vector<int64_t> Escalations::PendingOn(WorkflowId workflow, std::string_view key) const {
  auto found = by_place_.find(Place(workflow.value, std::string(key)));
  if (found == by_place_.end()) return {};
  return std::vector<int64_t>(found->second.begin(), found->second.end());
}

const Question* Escalations::FindQuestion(int64_t number, RoleId role) const {
  auto found = questions_.find(QuestionKey(number, role));
  return found == questions_.end() ? nullptr : &found->second;
}

std::vector<const Question*> Escalations::QuestionsOn(WorkflowId workflow, std::string_view key) const {
  std::vector<const Question*> all;
  auto found = asked_on_.find(Place(workflow.value, std::string(key)));
  if (found == asked_on_.end()) return all;
  for (const QuestionKey& question : found->second) all.push_back(&questions_.at(question));
  std::sort(all.begin(), all.end(), [](const Question* a, const Question* b) { return Before(*a, *b); });
  return all;
}

std::vector<const Question*> Escalations::NumberedQuestions(int64_t number) const {
  std::vector<const Question*> all;
  auto at = questions_.lower_bound(QuestionKey(number, RoleId(0u)));
  for (; at != questions_.end() && at->first.first == number; ++at) all.push_back(&at->second);
  return all;
}

std::vector<const Question*> Escalations::Open() const {
  std::vector<const Question*> all;
  for (const QuestionKey& key : open_) all.push_back(&questions_.at(key));
  return all;
}

const Timer* Escalations::NextTimer() const { return timers_.empty() ? nullptr : &*timers_.begin(); }

void Escalations::StartTimers(const Pending& pending) {
  for (const Question& question : pending.questions) {
    if (Ticks(question)) timers_.insert(TimerOf(pending, question));
  }
  for (const Await& await : pending.awaits) {
    if (Ticks(await)) timers_.insert(TimerOf(pending, await));
  }
}

void Escalations::StopTimers(const Pending& pending) {
  for (const Question& question : pending.questions) timers_.erase(TimerOf(pending, question));
  for (const Await& await : pending.awaits) timers_.erase(TimerOf(pending, await));
}

void Escalations::Note(const Question& question) {
  const QuestionKey key(question.number, question.role);
  if (questions_.insert_or_assign(key, question).second) {
    asked_on_[Place(question.workflow.value, question.key)].push_back(key);
  }
  if (question.state == QuestionState::kOpen) {
    open_.insert(key);
  } else {
    open_.erase(key);
  }
}

void Escalations::Mark(int64_t number, RoleId role, QuestionState state) {
  auto found = questions_.find(QuestionKey(number, role));
  if (found == questions_.end() || found->second.state != QuestionState::kOpen) return;
  auto pending = pending_.find(found->second.pending);
  if (pending != pending_.end()) {
    for (Question& question : pending->second.questions) {
      if (question.number != number || question.role != role) continue;
      timers_.erase(TimerOf(pending->second, question));
      question.state = state;
    }
  }
  found->second.state = state;
  open_.erase(found->first);
}

void Escalations::Ask(const Schema& schema, Pending asked, bool replaces) {
  // An `ask` is put anew in each round: each is its own.
  const std::string identity =
      asked.ask.empty() ? Identity(schema, asked.proposal) : absl::StrCat("ask ", asked.position);
  auto same = by_identity_.find(identity);
  if (same == by_identity_.end()) {
    const int64_t position = asked.position;
    by_identity_[identity] = position;
    identity_of_[position] = identity;
    by_place_[Place(asked.proposal.workflow.value, asked.proposal.key)].insert(position);
    for (Question& question : asked.questions) {
      question.pending = position;
      Note(question);
    }
    StartTimers(pending_[position] = std::move(asked));
    return;
  }
  Pending& pending = pending_.at(same->second);
  StopTimers(pending);
  std::vector<Question> questions;
  std::vector<Await> awaits;
  for (Question& question : pending.questions) {
    const bool again = std::any_of(asked.questions.begin(), asked.questions.end(), [&](const Question& q) {
      return q.number == question.number && q.role == question.role;
    });
    if (again || !replaces) {
      questions.push_back(question);
    } else if (question.state == QuestionState::kOpen) {
      question.state = QuestionState::kWithdrawn;
      Note(question);
    }
  }
  for (const Await& await : pending.awaits) {
    const bool again = std::any_of(asked.awaits.begin(), asked.awaits.end(),
                                   [&](const Await& a) { return SameAwait(a, await); });
    if (again || !replaces) awaits.push_back(await);
  }
  for (Question& question : asked.questions) {
    const bool there = std::any_of(questions.begin(), questions.end(), [&](const Question& q) {
      return q.number == question.number && q.role == question.role;
    });
    if (there) continue;
    question.pending = pending.position;
    Note(question);
    questions.push_back(std::move(question));
  }
  for (Await& await : asked.awaits) {
    auto there = std::find_if(awaits.begin(), awaits.end(), [&](const Await& a) { return SameAwait(a, await); });
    if (there == awaits.end()) {
      awaits.push_back(std::move(await));
    } else {
      there->happened = false;  // it is awaited still, whatever was seen
    }
  }
  std::sort(questions.begin(), questions.end(), Before);
  pending.questions = std::move(questions);
  pending.awaits = std::move(awaits);
  StartTimers(pending);
}

void Escalations::AskNext(int64_t position, RoleId expired, Question next) {
  auto found = pending_.find(position);
  if (found == pending_.end()) return;
  Pending& pending = found->second;
  StopTimers(pending);
  for (Question& question : pending.questions) {
    if (question.role == expired && question.state == QuestionState::kOpen) {
      question.state = QuestionState::kExpired;
      Note(question);
    }
  }
  std::erase_if(pending.questions, [](const Question& q) { return q.state == QuestionState::kExpired; });
  next.pending = position;
  Note(next);
  pending.questions.push_back(std::move(next));
  std::sort(pending.questions.begin(), pending.questions.end(), Before);
  StartTimers(pending);
}

void Escalations::AskAfterHold(int64_t position, const std::string& rule, Question next) {
  auto found = pending_.find(position);
  if (found == pending_.end()) return;
  Pending& pending = found->second;
  StopTimers(pending);
  std::erase_if(pending.awaits, [&](const Await& a) { return a.rule == rule; });
  next.pending = position;
  Note(next);
  pending.questions.push_back(std::move(next));
  std::sort(pending.questions.begin(), pending.questions.end(), Before);
  StartTimers(pending);
}

void Escalations::Answer(int64_t number, RoleId role, bool yes) {
  Mark(number, role, yes ? QuestionState::kGranted : QuestionState::kRefused);
  auto question = questions_.find(QuestionKey(number, role));
  if (!yes || question == questions_.end()) return;
  auto pending = pending_.find(question->second.pending);
  if (pending == pending_.end()) return;
  for (const std::string& digest : question->second.digests) Insert(&pending->second.approved, digest);
}

void Escalations::Close(int64_t position, QuestionState state) {
  auto found = pending_.find(position);
  if (found == pending_.end()) return;
  Pending& pending = found->second;
  StopTimers(pending);
  for (Question& question : pending.questions) {
    if (question.state != QuestionState::kOpen) continue;
    question.state = state;
    Note(question);
  }
  const Place place(pending.proposal.workflow.value, pending.proposal.key);
  auto here = by_place_.find(place);
  here->second.erase(position);
  if (here->second.empty()) by_place_.erase(here);
  by_identity_.erase(identity_of_.at(position));
  identity_of_.erase(position);
  pending_.erase(found);
}

void Escalations::Happened(WorkflowId workflow, std::string_view key, TransitionId transition, RoleId by) {
  for (int64_t position : PendingOn(workflow, key)) {
    Pending& pending = pending_.at(position);
    for (Await& await : pending.awaits) {
      if (await.of_review || await.transition != transition || (await.by.valid() && await.by != by)) continue;
      timers_.erase(TimerOf(pending, await));
      await.happened = true;
    }
  }
}

void Escalations::ReviewDecided(WorkflowId workflow, std::string_view key) {
  for (int64_t position : PendingOn(workflow, key)) {
    for (Await& await : pending_.at(position).awaits) {
      if (await.of_review) await.happened = true;
    }
  }
}

void Escalations::Withdraw(WorkflowId workflow, std::string_view key, int64_t last_change, StateId state) {
  for (int64_t position : PendingOn(workflow, key)) {
    const Pending& pending = pending_.at(position);
    const bool stale = pending.ask.empty() ? pending.last_change != last_change : pending.state != state;
    if (stale) Close(position, QuestionState::kWithdrawn);
  }
}

bool Awaited(const Pending& pending) {
  return std::any_of(pending.awaits.begin(), pending.awaits.end(), [](const Await& a) { return !a.happened; });
}

bool Unanswered(const Pending& pending) {
  return std::any_of(pending.questions.begin(), pending.questions.end(),
                     [](const Question& q) { return q.state == QuestionState::kOpen; });
}

int64_t Deadline(const Schema& schema, LadderId ladder, int64_t from_ns) {
  if (!ladder.valid()) return INT64_MAX;
  const int64_t within_ns = schema.ladders[ladder.value].within_ns;
  return from_ns > INT64_MAX - within_ns ? INT64_MAX : from_ns + within_ns;
}

std::vector<Question> Questions(const Schema& schema, const std::vector<RuleId>& standing, int64_t position,
                                int64_t now_ns) {
  std::vector<RuleId> sorted = standing;
  std::sort(sorted.begin(), sorted.end(), [&](RuleId a, RuleId b) {
    return schema.rules[a.value].qualified < schema.rules[b.value].qualified;
  });
  std::map<RoleId, Question> by_role;
  for (RuleId id : sorted) {
    const Rule& rule = schema.rules[id.value];
    const int64_t until_ns = Deadline(schema, rule.ladder, now_ns);
    auto [at, is_new] = by_role.try_emplace(rule.asks);
    Question& question = at->second;
    if (is_new || until_ns < question.until_ns) {
      question.until_ns = until_ns;
      question.ladder = rule.ladder;
    }
    question.number = position;
    question.role = rule.asks;
    if (HasRule(question.rules, rule.qualified)) continue;
    question.rules.push_back(rule.qualified);
    question.digests.push_back(rule.digest);
  }
  std::vector<Question> questions;
  for (auto& [role, question] : by_role) questions.push_back(std::move(question));
  return questions;
}

std::string LadderText(const Schema& schema, WorkflowId workflow, LadderId id) {
  if (!id.valid()) return "deny";
  const Ladder& ladder = schema.ladders[id.value];
  if (ladder.otherwise == Ladder::Else::kDeny) return "deny";
  if (ladder.otherwise == Ladder::Else::kFail) return "fail";
  if (ladder.otherwise == Ladder::Else::kAsk) return absl::StrCat("ask ", schema.roles[ladder.role.value].name);
  const std::string& transition = schema.workflows[workflow.value].transitions[ladder.transition.value].name;
  if (ladder.otherwise == Ladder::Else::kTransition) return transition;
  return absl::StrCat("escalate ", transition, " to ", schema.roles[ladder.role.value].name);
}

LadderId LadderEnd(const Schema& schema, LadderId id) {
  while (id.valid() && AsksNext(schema.ladders[id.value])) id = schema.ladders[id.value].next;
  return id;
}

namespace {

// Behind the rung on which `role` is asked.
LadderId AfterAsking(const Schema& schema, LadderId id, RoleId role) {
  for (; id.valid(); id = schema.ladders[id.value].next) {
    const Ladder& ladder = schema.ladders[id.value];
    if (!AsksNext(ladder)) break;
    if (ladder.role == role) return ladder.next;
  }
  return LadderId();
}

}  // namespace

LadderId LadderOf(const Schema& schema, std::string_view name, RoleId role) {
  for (const Rule& rule : schema.rules) {
    if (rule.qualified != name) continue;
    if (!role.valid() || rule.asks == role) return rule.ladder;
    LadderId found = AfterAsking(schema, rule.ladder, role);
    for (const Consequence& then : rule.then) {
      if (!found.valid()) found = AfterAsking(schema, then.ladder, role);  // of a task
    }
    if (found.valid()) return found;
  }
  return LadderId();
}

}  // namespace writ

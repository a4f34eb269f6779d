#include "runtime/state/state.h"
#include "runtime/store/hash.h"
#include "runtime/store/wire.h"

namespace writ {
namespace {

using store::WireWriter;

void PutNumber(Num number, WireWriter* writer) {
  writer->Unsigned(static_cast<uint64_t>(number));
  writer->Signed(static_cast<int64_t>(number >> 64));
}

void PutValues(const std::vector<Value>& values, WireWriter* writer) {
  writer->Unsigned(values.size());
  for (const Value& value : values) writer->Put(value);
}

void PutReview(const ReviewState& review, WireWriter* writer) {
  writer->Signed(review.outcome);
  writer->Signed(review.began_position);
  writer->Signed(review.began_ns);
  for (const std::vector<Verdict>& seat : review.seats) {
    writer->Unsigned(seat.size());
    for (const Verdict& verdict : seat) {
      writer->Text(verdict.actor);
      writer->Unsigned(verdict.stance);
      writer->Signed(verdict.position);
    }
  }
}

void PutWindow(const WindowState& window, WireWriter* writer) {
  writer->Signed(window.dropped_until_ns);
  writer->Unsigned(window.entries.size());
  for (const WindowState::Entry& entry : window.entries) {
    writer->Signed(entry.time_ns);
    PutNumber(entry.value, writer);
  }
}

}  // namespace

// Every part has its length or a fixed count in the schema before it, so that two states never give the same bytes.
std::string StateDigest(const Schema& schema, const Instance& instance) {
  const Workflow& workflow = schema.workflows[instance.workflow.value];
  std::string bytes;
  WireWriter writer(&bytes);
  writer.Text(workflow.qualified);
  writer.Text(instance.key);
  PutValues(instance.key_parts, &writer);
  writer.Text(instance.state == kNewState ? "" : workflow.states[instance.state.value].name);
  PutValues(instance.fields, &writer);
  for (const int64_t n : {instance.version, instance.last_change, instance.round, instance.updated_ns}) writer.Signed(n);
  for (const ReviewState& review : instance.reviews) PutReview(review, &writer);
  for (const CellValue& cell : instance.cells) {
    PutNumber(cell.number, &writer);
    writer.Text(cell.text);
  }
  for (const WindowState& window : instance.windows) PutWindow(window, &writer);
  for (size_t i = 0; i < instance.counted.size(); ++i) {
    writer.Signed(instance.counted[i] ? 1 : 0);
    writer.Text(instance.counted_under[i]);
  }
  return store::Hex(store::Sha256({bytes}));
}

}  // namespace writ

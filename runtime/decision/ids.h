// Typed ids: an index into one table, which no other table's index can stand for.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace writ {

template <class Tag>
struct Id {
  static constexpr uint32_t kNone = UINT32_MAX;
  uint32_t value = kNone;

  constexpr Id() = default;
  constexpr explicit Id(uint32_t v) : value(v) {}
  constexpr explicit Id(size_t v) : value(static_cast<uint32_t>(v)) {}
  constexpr explicit Id(int v) : value(static_cast<uint32_t>(v)) {}
  constexpr bool valid() const { return value != kNone; }
  constexpr auto operator<=>(const Id&) const = default;
  template <class H>
  friend H AbslHashValue(H h, const Id& id) {
    return H::combine(std::move(h), id.value);
  }
};

using TypeId = Id<struct TypeTag>;              // Schema::types
using EnumId = Id<struct EnumTag>;              // Schema::enums
using RecordId = Id<struct RecordTag>;          // Schema::records
using DomainId = Id<struct DomainTag>;          // Schema::domains
using RoleId = Id<struct RoleTag>;              // Schema::roles
using WorkflowId = Id<struct WorkflowTag>;      // Schema::workflows (entities too)
using StateId = Id<struct StateTag>;            // Workflow::states of one workflow
using TransitionId = Id<struct TransitionTag>;  // Workflow::transitions of one workflow
using FieldId = Id<struct FieldTag>;            // Workflow::fields, Transition::payload or Record::members
using RuleId = Id<struct RuleTag>;              // Schema::rules: rules, clauses and built-in reasons alike
using ObligationId = Id<struct ObligationTag>;  // Schema::obligations
using CalendarId = Id<struct CalendarTag>;      // Schema::calendars
using LadderId = Id<struct LadderTag>;          // Schema::ladders
using ReviewId = Id<struct ReviewTag>;          // Workflow::reviews of one workflow
using SeatId = Id<struct SeatTag>;              // Review::seats
using ClauseId = Id<struct ClauseTag>;          // Review::clauses
using CellId = Id<struct CellTag>;              // Workflow::cells
using WindowId = Id<struct WindowTag>;          // Workflow::windows
using FunctionId = Id<struct FunctionTag>;      // Schema::functions
using SlotId = Id<struct SlotTag>;              // FrameLayout::slots
using ListId = Id<struct ListTag>;              // FrameLayout::lists

}  // namespace writ

template <class Tag>
struct std::hash<writ::Id<Tag>> {
  size_t operator()(const writ::Id<Tag>& id) const noexcept { return std::hash<uint32_t>()(id.value); }
};

#include "runtime/frame/frame.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "runtime/builtins/check.h"
#include "runtime/store/wire.h"

namespace writ {

void Frame::Resize(uint32_t size_words) {
  words_.assign(size_words, 0);
  text_count_ = 0;
}

std::string_view Frame::Keep(std::string_view text) {
  if (text_count_ == texts_.size()) texts_.emplace_back();
  std::string& kept = texts_[text_count_++];
  kept.assign(text.data(), text.size());
  return kept;
}

namespace {

using store::WireReader;
using store::WireWriter;

std::string_view TextAt(const int64_t* word) {
  return std::string_view(reinterpret_cast<const char*>(word[0]), static_cast<size_t>(word[1]));
}

// Values of erasable slots go to `erasable`, one string each, whatever their kind: a number can be personal, too.
class FrameEncoder {
 public:
  FrameEncoder(const FrameLayout& layout, const int64_t* words, std::string* bytes, std::vector<std::string>* erasable)
      : layout_(layout), words_(words), writer_(bytes), erasable_(erasable) {}

  // The slots and lists of one element of `list`, or of the frame itself, from word `base` on.
  void Put(ListId list, size_t base) {
    for (const Slot& slot : layout_.slots) {
      if (slot.list == list) PutSlot(slot, words_ + base + slot.offset);
    }
    for (size_t i = 0; i < layout_.lists.size(); ++i) {
      if (layout_.lists[i].parent == list) PutList(ListId(i), base);
    }
  }

 private:
  void PutList(ListId id, size_t base) {
    const FrameList& list = layout_.lists[id.value];
    const int64_t count = words_[base + list.offset];
    WRIT_CHECK(count >= 0 && count <= list.capacity);
    writer_.Unsigned(static_cast<uint64_t>(count));
    for (int64_t i = 0; i < count; ++i) Put(id, base + list.offset + 1 + static_cast<size_t>(i) * list.stride);
  }

  void PutSlot(const Slot& slot, const int64_t* word) {
    if (!slot.erasable) return PutValue(slot.kind, word, &writer_);
    std::string& bytes = erasable_->emplace_back();
    if (slot.kind == SlotKind::kString) {
      bytes = TextAt(word);
      return;
    }
    WireWriter writer(&bytes);
    PutValue(slot.kind, word, &writer);
  }

  static void PutValue(SlotKind kind, const int64_t* word, WireWriter* writer) {
    switch (kind) {
      case SlotKind::kBool: return writer->Byte(word[0] != 0 ? 1 : 0);
      case SlotKind::kI64: return writer->Signed(word[0]);
      case SlotKind::kI128:
        writer->Unsigned(static_cast<uint64_t>(word[0]));
        return writer->Signed(word[1]);
      case SlotKind::kString: return writer->Text(TextAt(word));
    }
  }

  const FrameLayout& layout_;
  const int64_t* words_;
  WireWriter writer_;
  std::vector<std::string>* erasable_;
};

class FrameDecoder {
 public:
  FrameDecoder(const FrameLayout& layout, std::string_view bytes, const std::vector<std::string>& erasable,
               Frame* frame)
      : layout_(layout), reader_(bytes), erasable_(erasable), frame_(frame) {}

  absl::Status Run() {
    frame_->Resize(layout_.size_words);
    Get(ListId(), 0);
    if (!reader_.failed() && reader_.left() > 0) reader_.Fail("bytes follow the frame");
    if (!reader_.failed() && next_erasable_ < erasable_.size()) reader_.Fail("it has fewer erasable values than given");
    if (!reader_.failed()) return absl::OkStatus();
    frame_->Resize(layout_.size_words);
    return absl::DataLossError(absl::StrCat("not a frame of this function: ", reader_.error()));
  }

 private:
  void Get(ListId list, size_t base) {
    for (const Slot& slot : layout_.slots) {
      if (slot.list == list) GetSlot(slot, frame_->mutable_words() + base + slot.offset);
    }
    for (size_t i = 0; i < layout_.lists.size() && !reader_.failed(); ++i) {
      if (layout_.lists[i].parent == list) GetList(ListId(i), base);
    }
  }

  void GetList(ListId id, size_t base) {
    const FrameList& list = layout_.lists[id.value];
    const uint64_t count = reader_.Unsigned();
    if (count > list.capacity) return reader_.Fail("a list is over its capacity");
    frame_->mutable_words()[base + list.offset] = static_cast<int64_t>(count);
    for (uint64_t i = 0; i < count && !reader_.failed(); ++i) Get(id, base + list.offset + 1 + i * list.stride);
  }

  void GetSlot(const Slot& slot, int64_t* word) {
    if (!slot.erasable) return GetValue(slot.kind, &reader_, word);
    if (next_erasable_ == erasable_.size()) return reader_.Fail("it has more erasable values than given");
    const std::string& bytes = erasable_[next_erasable_++];
    if (slot.kind == SlotKind::kString) return KeepText(bytes, word);
    WireReader reader(bytes);
    GetValue(slot.kind, &reader, word);
    if (reader.failed() || reader.left() > 0) reader_.Fail("an erasable value is not of its slot's kind");
  }

  void GetValue(SlotKind kind, WireReader* reader, int64_t* word) {
    switch (kind) {
      case SlotKind::kBool:
        word[0] = reader->Byte();
        if (word[0] > 1) reader->Fail("a bool is neither 0 nor 1");
        return;
      case SlotKind::kI64: word[0] = reader->Signed(); return;
      case SlotKind::kI128:
        word[0] = static_cast<int64_t>(reader->Unsigned());
        word[1] = reader->Signed();
        return;
      case SlotKind::kString: return KeepText(reader->Text(), word);
    }
  }

  void KeepText(std::string_view text, int64_t* word) {
    const std::string_view kept = frame_->Keep(text);
    word[0] = static_cast<int64_t>(reinterpret_cast<intptr_t>(kept.data()));
    word[1] = static_cast<int64_t>(kept.size());
  }

  const FrameLayout& layout_;
  WireReader reader_;
  const std::vector<std::string>& erasable_;
  Frame* frame_;
  size_t next_erasable_ = 0;
};

}  // namespace

std::string EncodeFrame(const FrameLayout& layout, const Frame& frame, std::vector<std::string>* erasable) {
  std::string bytes;
  FrameEncoder(layout, frame.words(), &bytes, erasable).Put(ListId(), 0);
  return bytes;
}

absl::Status DecodeFrame(const FrameLayout& layout, std::string_view bytes, const std::vector<std::string>& erasable,
                         Frame* frame) {
  return FrameDecoder(layout, bytes, erasable, frame).Run();
}

}  // namespace writ

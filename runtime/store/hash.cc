#include "runtime/store/hash.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <memory>

#include "runtime/builtins/check.h"

namespace writ::store {
namespace {

// Looking an algorithm up costs as much as hashing a short event: it is done once a process, the context once a thread.
const EVP_MD* Algorithm() {
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  WRIT_CHECK(algorithm != nullptr);
  return algorithm;
}

EVP_MD_CTX* Context() {
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  thread_local const std::unique_ptr<EVP_MD_CTX, Free> context(EVP_MD_CTX_new());
  WRIT_CHECK(context != nullptr);
  return context.get();
}

}  // namespace

Hash Sha256(std::initializer_list<std::string_view> parts) {
  Hash hash;
  EVP_MD_CTX* const context = Context();
  WRIT_CHECK(EVP_DigestInit_ex2(context, Algorithm(), nullptr) == 1);
  for (std::string_view part : parts) WRIT_CHECK(EVP_DigestUpdate(context, part.data(), part.size()) == 1);
  WRIT_CHECK(EVP_DigestFinal_ex(context, hash.data(), nullptr) == 1);
  return hash;
}

std::string Hex(const Hash& hash) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  hex.reserve(2 * hash.size());
  for (uint8_t byte : hash) {
    hex.push_back(kDigits[byte >> 4]);
    hex.push_back(kDigits[byte & 15]);
  }
  return hex;
}

void SystemRandom::Fill(uint8_t* bytes, size_t size_bytes) {
  // Without randomness a salt would hide nothing: there is nothing sensible to go on with.
  WRIT_CHECK(RAND_bytes(bytes, static_cast<int>(size_bytes)) == 1);
}

void CounterRandom::Fill(uint8_t* bytes, size_t size_bytes) {
  ++count_;
  for (size_t i = 0; i < size_bytes; ++i) {
    const size_t from_end = size_bytes - 1 - i;
    bytes[i] = from_end < 8 ? static_cast<uint8_t>(count_ >> (8 * from_end)) : 0;
  }
}

}  // namespace writ::store

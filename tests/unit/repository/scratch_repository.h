#pragma once

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <random>
#include <string>

#include "codec/compression.h"
#include "repository/pack_writer.h"
#include "repository/repository.h"
#include "store/memory_store.h"

namespace pgrecall::test {

inline constexpr const char* cluster = "prod";

// A directory that goes with its owner.
class ScratchDirectory {
 public:
  ScratchDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "pgrecall-test-XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  ~ScratchDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// A new repository in a store; the key of a sealed one lies in a scratch directory.
class ScratchRepository {
 public:
  explicit ScratchRepository(Repository::Sealing sealing) : ScratchRepository(sealing, std::make_unique<MemoryStore>()) {}
  ScratchRepository(Repository::Sealing sealing, std::unique_ptr<ObjectStore> store)
      : sealing_(sealing), store_(std::move(store)), repository_(Repository::create(*store_, sealing, key(), clock_)) {}

  [[nodiscard]] const Repository& operator*() const { return repository_; }
  [[nodiscard]] ObjectStore& store() const { return *store_; }
  [[nodiscard]] const std::string& directory() const { return directory_.path(); }
  // The same repository through another store, which holds the same objects.
  [[nodiscard]] Repository opened_through(ObjectStore& other) const { return Repository::open(other, key()); }

  // What is stored under the name.
  [[nodiscard]] Bytes content(const std::string& name) const { return read_object(*store_, name, UINT64_MAX).value(); }
  // Against the rule that objects are written once: how damage comes about.
  void overwrite(const std::string& name, ByteView content) const {
    (void)store_->remove(name);
    REQUIRE(store_->put(name, MemoryBody(content)) == PutResult::created);
  }

 private:
  [[nodiscard]] KeySource key() const {
    KeySource source;
    if (sealing_ == Repository::Sealing::sealed) {
      source.key_file = directory_.path() + "/key";
    }
    return source;
  }

  SystemClock clock_;
  ScratchDirectory directory_;
  Repository::Sealing sealing_;
  std::unique_ptr<ObjectStore> store_;
  Repository repository_;
};

using Random = std::mt19937_64;

inline std::uint64_t below(Random& random, std::uint64_t bound) {
  return std::uniform_int_distribution<std::uint64_t>(0, bound - 1)(random);
}

// Bytes of which about half compress away.
inline Bytes half_random(Random& random, std::size_t size) {
  Bytes bytes(size);
  for (std::byte& byte : bytes) {
    byte = static_cast<std::byte>(random() & 0xfU);
  }
  return bytes;
}

inline ChunkRef add_chunk(PackWriter& writer, ByteView raw) {
  Compressor compressor{Compression{}};
  return writer.add(compressor.compress(raw), static_cast<std::uint32_t>(raw.size()), sha256(raw));
}

// A chunk that is nowhere, for payloads that only name chunks.
inline ChunkRef made_up_chunk(Random& random, std::uint32_t raw_size) {
  ChunkRef chunk;
  chunk.pack.bytes[0] = static_cast<std::byte>(below(random, 5));
  chunk.offset = object_header_size + below(random, 1U << 25U);
  chunk.raw_size = raw_size;
  chunk.body_size = 32 + static_cast<std::uint32_t>(below(random, raw_size + 1));
  for (std::byte& byte : chunk.digest.bytes) {
    byte = static_cast<std::byte>(random());
  }
  return chunk;
}

// The error that `call` throws; fails the test when it throws none.
template <typename Call>
Error error_of(const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    return error;
  }
  FAIL("no error was thrown");
  std::abort();
}

}  // namespace pgrecall::test

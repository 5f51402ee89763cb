#pragma once

#include <algorithm>
#include <random>
#include <string>

#include "repository/manifest.h"

namespace pgrecall::test {

// Entries as a manifest has them: a directory, then files below it with every kind of content; the same for the same seed.
// Paths never repeat.
class SyntheticEntries {
 public:
  explicit SyntheticEntries(std::uint64_t seed) : random_(seed) {}

  ManifestEntry next() {
    ManifestEntry entry;
    entry.mtime = static_cast<std::int64_t>(random_() % 2'000'000'000U) - 1000;
    entry.mode = 0600;
    if (number_ % 1000 == 0) {
      directory_ = "base/" + std::to_string(number_);
      entry.type = EntryType::directory;
      entry.mode = 0700;
      entry.path = directory_;
    } else if (number_ % 500 == 499) {
      entry.type = EntryType::symbolic_link;
      entry.tree = EntryTree::configuration;
      entry.path = directory_ + "/link" + std::to_string(number_);
      entry.target = "/etc/somewhere/" + std::to_string(number_);
    } else {
      entry.path = directory_ + "/" + std::to_string(number_) + (number_ % 3 == 0 ? "_fsm" : "");
      fill(entry);
    }
    ++number_;
    return entry;
  }

 private:
  void fill(ManifestEntry& entry) {
    switch (random_() % 8) {
      case 0: entry.size = random_() % 3 == 0 ? 0 : 8192; break;
      case 1:
        entry.size = 1 + random_() % 100'000;
        entry.content = ChunkContent{chunk(static_cast<std::uint32_t>(entry.size))};
        break;
      case 2: {
        MapsContent maps;
        for (std::uint64_t i = 0, count = 1 + random_() % 3; i < count; ++i) {
          maps.ranges.push_back({chunk(5000), 1 + random_() % (1U << 28U)});
          entry.size += maps.ranges.back().length;
        }
        entry.content = std::move(maps);
        break;
      }
      default: part(entry);
    }
  }

  // Most files are small ones, many to a chunk.
  void part(ManifestEntry& entry) {
    entry.size = 1 + random_() % 8192;
    if (bundle_.raw_size == 0 || bundle_used_ + entry.size > bundle_.raw_size) {
      bundle_ = chunk(512U << 10U);
      bundle_used_ = 0;
    }
    PartContent content{bundle_, static_cast<std::uint32_t>(bundle_used_), digest()};
    bundle_used_ += entry.size;
    entry.content = content;
  }

  ChunkRef chunk(std::uint32_t raw_size) {
    if (random_() % 64 == 0) {
      std::generate(pack_.bytes.begin(), pack_.bytes.end(), [this] { return static_cast<std::byte>(random_()); });
    }
    return {pack_, 64 + random_() % (32U << 20U), 32 + raw_size / 2, raw_size, digest()};
  }

  Sha256Digest digest() {
    Sha256Digest made;
    for (std::size_t i = 0; i < made.bytes.size(); i += 8) {
      store_little<std::uint64_t>(made.bytes.data() + i, random_());
    }
    return made;
  }

  std::mt19937_64 random_;
  std::uint64_t number_ = 0;
  std::string directory_;
  PackId pack_;
  ChunkRef bundle_;
  std::uint64_t bundle_used_ = 0;
};

}  // namespace pgrecall::test

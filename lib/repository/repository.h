#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/secret.h"
#include "codec/frame.h"
#include "repository/placed_store.h"
#include "store/object_store.h"

namespace pgrecall {

// What opens a sealed repository. At most one is given; none for an unsealed one.
struct KeySource {
  std::optional<std::string> key_file;  // path
  std::optional<Secret> passphrase;
};

// One repository: a store, its identity and, when sealed, its data key. Immutable once open; safe for many threads as far as its
// store is. The store must outlive it.
class Repository {
 public:
  struct Identity {
    std::string id;
    bool sealed = false;
    Time created;
    std::string created_by;
  };
  enum class Sealing { none, sealed };

  // Makes a new one. Error{failed} when there is one at the address, or anything else that is not empty. With a key file that
  // does not exist, one is made (mode 0600, synced) before anything is stored.
  static Repository create(ObjectStore& store, Sealing sealing, const KeySource& key, const Clock& clock);
  // Error{no_repository}, Error{wrong_key} (also when sealed and no key was given, and when a key was given for an unsealed one),
  // Error{corruption}.
  static Repository open(ObjectStore& store, const KeySource& key);

  [[nodiscard]] const Identity& identity() const noexcept { return identity_; }
  // Asks the store: false where a file system is not mounted any more, or another repository's is.
  [[nodiscard]] bool in_place() const;
  // The store, as long as the repository is in it: Error{store_unreachable} otherwise (PlacedStore).
  [[nodiscard]] ObjectStore& store() const noexcept { return *store_; }
  [[nodiscard]] bool sealed() const noexcept { return data_key_ != nullptr; }
  // Null when not sealed.
  [[nodiscard]] const Key* data_key() const noexcept { return data_key_.get(); }
  // The data key as a key file that opens this repository without its keys/ objects; empty when not sealed.
  [[nodiscard]] Secret export_key() const;

  struct KeyInfo {
    std::string id;
    std::string kind;  // "key_file" or "passphrase"
    Time created;
  };
  // The wrapped keys that are stored.
  [[nodiscard]] std::vector<KeyInfo> keys() const;

 private:
  Repository(ObjectStore& store, Identity identity, std::unique_ptr<const Key> data_key);

  std::unique_ptr<PlacedStore> store_;
  Identity identity_;
  std::unique_ptr<const Key> data_key_;
};

// Reads the frames of one object in order, checking header, numbers, hashes, and that the last one is the last byte. Small
// memory: one frame. Not for use by two threads at once.
class ObjectFrames {
 public:
  // Nothing when there is no such object.
  static std::optional<ObjectFrames> open(const Repository& repository, ObjectKind kind, const std::string& name);
  // The next frame's raw bytes, valid until the next call; nothing after the last.
  [[nodiscard]] std::optional<ByteView> next();
  // The last frame's raw bytes. Of the frames before it only the headers are read.
  [[nodiscard]] ByteView last();
  // Of the raw bytes that next() gave last.
  [[nodiscard]] const Sha256Digest& digest() const noexcept { return digest_; }
  [[nodiscard]] std::uint64_t object_size() const { return reader_->size(); }

 private:
  ObjectFrames(std::unique_ptr<ObjectReader> reader, FrameReader frames);
  // The header of the frame at at_, which ends within the object.
  [[nodiscard]] FrameHeader read_header(MutableByteView bytes) const;
  std::unique_ptr<ObjectReader> reader_;
  FrameReader frames_;
  std::uint64_t at_ = object_header_size;
  std::uint32_t number_ = 0;
  bool ended_ = false;
  Sha256Digest digest_;
  Bytes body_;
  Bytes raw_;
};

// Appends frames of an object one after the other to `sink`, beginning with the header. Compresses and seals as told. Not for two
// threads at once.
class ObjectFramesWriter {
 public:
  ObjectFramesWriter(const Repository& repository, ObjectKind kind, const std::string& name, Compression compression,
                     std::function<void(ByteView)> sink);
  void add(ByteView raw, FrameWriter::Position position = FrameWriter::Position::inside);

 private:
  ObjectHeader header_;
  FrameWriter writer_;
  Compressor compressor_;
  std::function<void(ByteView)> sink_;
  std::uint32_t number_ = 0;
  Bytes frame_;
};

// One JSON payload in an object of one frame (summary, system, mark).
PutResult put_json(const Repository& repository, ObjectKind kind, const std::string& name, std::string_view json);
// The JSON text; nothing when there is no such object.
[[nodiscard]] std::optional<std::string> read_json(const Repository& repository, ObjectKind kind, const std::string& name);

}  // namespace pgrecall

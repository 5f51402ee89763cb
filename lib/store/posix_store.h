#pragma once

#include <map>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "store/object_store.h"
#include "store/pending_file.h"

namespace pgrecall {

// Objects are files below a root directory (files 0640, directories 0750, less the umask; what root makes
// belongs to the owner of the directory that it is in, so that a service which runs as that one goes on). What puts are working
// on, and the lock of replace(), are in "<root>/.pgrecall+tmp": a '+' is in no object's name, so nothing there can be listed,
// read or put. Files whose names no object can have (such as ext4's lost+found) are ignored.
//
// A put is: write an unseen file, fsync it, give it its name without replacing, fsync its directory and any directory new to this
// process, up to the root. A removal is durable when it returns, so that whoever removes in an order has that order after
// power loss; directories left empty go too.
//
// replace(), remove_version() and remove() exclude each other by flock(2) on one file. Over NFS Linux turns that into a
// lock at the server, which holds among hosts unless the mount says nolock or local_lock=flock: then leases protect within one
// host only. put() needs no lock anywhere: link(2) is atomic at the NFS server.
//
// The whole tree must be on one file system. version() is the SHA-256 of the content.
class PosixStore final : public ObjectStore {
 public:
  // `root` is absolute. `clock` tells remove_leftovers() how old a file is.
  explicit PosixStore(std::string root, const Clock& clock,
                      PendingFile::Naming naming = PendingFile::Naming::unnamed_if_possible);

  PutResult put(const std::string& name, const ObjectBody& body) override;
  std::unique_ptr<ObjectReader> open(const std::string& name) override;
  void list(const std::string& prefix, const std::function<void(const ObjectInfo&)>& visit) override;
  bool remove(const std::string& name) override;
  ReplaceResult replace(const std::string& name, const std::string& version, const ObjectBody& body) override;
  ReplaceResult remove_version(const std::string& name, const std::string& version) override;
  std::uint64_t remove_leftovers(std::chrono::seconds age) override;
  std::optional<StoreSpace> space() override;
  std::string address() const override;

 private:
  [[nodiscard]] std::string path_of(const std::string& name) const { return root_ + "/" + name; }
  [[nodiscard]] std::string temporary_directory() const { return root_ + "/.pgrecall+tmp"; }
  [[nodiscard]] std::string lock_path() const { return temporary_directory() + "/lock"; }
  void prepare_to_write() const;
  [[nodiscard]] Fd lock() const;
  [[nodiscard]] bool taken(const std::string& path) const;
  PutResult publish(PendingFile& file, const std::string& path) const;
  void make_durable(const std::string& directory);
  void finish_removal(const std::string& path);

  const std::string root_;
  const Clock& clock_;
  const PendingFile::Naming naming_;
  std::mutex mutex_;
  // Directories whose names are known to be durable up to the root, with what tells a directory from a later one of that name.
  std::map<std::string, std::string> durable_directories_;
};

}  // namespace pgrecall

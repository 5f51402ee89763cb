#include "repository/pack_writer.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "io/bounded_queue.h"
#include "io/buffer_pool.h"
#include "repository/pack_format.h"

namespace pgrecall {

namespace {

constexpr std::size_t pack_piece = 1U << 20U;

// A pack that is being filled: threads write disjoint parts of its memory at once.
struct Pack {
  PackId id;
  std::string name;
  ObjectHeader header{};
  Buffer buffer;                           // taken from the pool, also as the right to have a pack at all
  std::unique_ptr<std::byte[]> oversized;  // instead of the buffer, for a chunk that no buffer holds
  MutableByteView memory;
  std::size_t used = 0;  // bytes reserved for the header and chunk frames
  std::vector<ChunkRef> chunks;
  unsigned writers = 0;  // threads that write a frame now
  // A frame writer derives the pack's key, so each is used again by whoever writes next.
  std::vector<std::unique_ptr<FrameWriter>> idle_frame_writers;
};

// A thread's place in a pack.
struct Reservation {
  Pack* pack = nullptr;
  ChunkRef chunk;
  std::uint32_t number = 0;
  MutableByteView room;
  std::unique_ptr<FrameWriter> frame_writer;
};

// What is being thrown, as a value that several threads can throw copies of.
Error current_error() {
  try {
    throw;
  } catch (const Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return Error(ErrorKind::failed, "not enough memory for packs", "use a smaller pack size or fewer uploads");
  } catch (const std::exception& error) {
    return Error(ErrorKind::failed, error.what());
  }
}

void read_back(ObjectStore& store, const std::string& name, ByteView expected, Bytes& piece) {
  const std::unique_ptr<ObjectReader> reader = store.open(name);
  if (reader == nullptr || reader->size() != expected.size()) {
    throw Error(ErrorKind::corruption,
                reader == nullptr ? "pack is missing after it was stored" : "pack was stored in another size",
                "the store does not keep what it is given: check its disk and logs")
        .with("object", name)
        .with("expected", expected.size())
        .with("found", reader == nullptr ? 0 : reader->size());
  }
  for (std::size_t at = 0; at < expected.size(); at += piece.size()) {
    const std::size_t size = std::min(piece.size(), expected.size() - at);
    const std::size_t got = reader->read(at, MutableByteView(piece).first(size));
    if (got != size || std::memcmp(piece.data(), expected.data() + at, size) != 0) {
      throw Error(ErrorKind::corruption, "pack reads back differently from what was stored",
                  "the store does not keep what it is given: check its disk and logs")
          .with("object", name)
          .with("offset", at);
    }
  }
}

}  // namespace

struct PackWriter::State {
  State(const Repository& repository_in, std::string cluster_in, Options options_in)
      : repository(repository_in),
        cluster(std::move(cluster_in)),
        options{options_in.pack_size, std::max(options_in.uploads, 1U)},
        frame_overhead(FrameWriter(make_object_header(ObjectKind::pack, "pack", repository_in.sealed()), repository_in.data_key())
                           .frame_size(0)),
        pool(options.uploads + 1U, options.pack_size),
        full(options.uploads + 1U) {
    try {
      for (unsigned i = 0; i < options.uploads; ++i) {
        threads.emplace_back([this] { run_uploads(); });
      }
    } catch (...) {
      fail(current_error());
      threads.clear();
      throw;
    }
  }

  ~State() {
    fail(Error(ErrorKind::cancelled, "the pack writer was given up"));
    threads.clear();
  }

  State(const State&) = delete;
  State& operator=(const State&) = delete;

  // Bytes of a pack that ends after `chunks` chunks, of which the header and the chunk frames take `used`.
  [[nodiscard]] std::size_t closed_size(std::size_t used, std::size_t chunks) const noexcept {
    return used + frame_overhead + pack_index_size(chunks) + pack_trailer_size;
  }

  [[nodiscard]] bool fits(const Pack& pack, std::size_t frame_size) const noexcept {
    return pack.chunks.size() < max_pack_chunks &&
           closed_size(pack.used + frame_size, pack.chunks.size() + 1) <= pack.memory.size();
  }

  void throw_if_failed() const {
    if (error) {
      throw Error(*error);
    }
  }

  void throw_if_ended() const {
    throw_if_failed();
    if (finished) {
      throw Error(ErrorKind::failed, "a chunk was added after the packs were finished");
    }
  }

  // Keeps the first error and wakes everybody who waits.
  void fail(Error why) {
    {
      const std::lock_guard lock(mutex);
      if (!error) {
        error.emplace(std::move(why));
      }
    }
    pool.cancel();
    full.cancel();
    changed.notify_all();
  }

  // Hands a pack that nobody writes any more to the uploads. The queue has room for every pack there can be, so this never
  // waits; after an error the queue drops the pack.
  void submit(std::unique_ptr<Pack> pack) { (void)full.push(std::move(pack)); }

  void close_open() {
    if (open->writers == 0) {
      submit(std::move(open));
    } else {
      closing.push_back(std::move(open));
    }
    open.reset();
  }

  [[nodiscard]] std::unique_ptr<Pack> make_pack(std::size_t frame_size) {
    auto pack = std::make_unique<Pack>();
    pack->buffer = pool.take();
    if (!pack->buffer) {
      return nullptr;
    }
    const std::size_t least = closed_size(object_header_size + frame_size, 1);
    if (least > pack->buffer.capacity()) {
      pack->oversized = std::make_unique_for_overwrite<std::byte[]>(least);
      pack->memory = {pack->oversized.get(), least};
    } else {
      pack->memory = pack->buffer.room();
    }
    pack->id = PackId::random();
    pack->name = pack_name(cluster, pack->id);
    pack->header = make_object_header(ObjectKind::pack, pack->name, repository.sealed());
    std::copy(pack->header.begin(), pack->header.end(), pack->memory.begin());
    pack->used = object_header_size;
    return pack;
  }

  // Leaves a pack in `open` that has room for the frame, with `lock` held.
  void require_room(std::unique_lock<std::mutex>& lock, std::size_t frame_size) {
    for (;;) {
      throw_if_ended();
      if (opening) {
        changed.wait(lock);
        continue;
      }
      if (open && fits(*open, frame_size)) {
        return;
      }
      if (open) {
        close_open();
      }
      open_next(lock, frame_size);
      if (open) {
        return;
      }
    }
  }

  // Waits for a buffer without the lock. Without a pack only after an error.
  void open_next(std::unique_lock<std::mutex>& lock, std::size_t frame_size) {
    opening = true;
    lock.unlock();
    std::unique_ptr<Pack> pack;
    try {
      pack = make_pack(frame_size);
    } catch (...) {
      fail(current_error());
    }
    lock.lock();
    opening = false;
    open = std::move(pack);
    changed.notify_all();
  }

  [[nodiscard]] Reservation reserve(std::size_t compressed_size, std::uint32_t raw_size, const Sha256Digest& digest) {
    const std::size_t frame_size = frame_overhead + compressed_size;
    std::unique_lock lock(mutex);
    require_room(lock, frame_size);
    Pack& pack = *open;
    Reservation place;
    place.pack = &pack;
    place.number = static_cast<std::uint32_t>(pack.chunks.size());
    place.room = pack.memory.subspan(pack.used, frame_size);
    place.chunk = {pack.id, pack.used, static_cast<std::uint32_t>(frame_size - frame_header_size), raw_size, digest};
    pack.chunks.push_back(place.chunk);
    pack.used += frame_size;
    ++pack.writers;
    if (!pack.idle_frame_writers.empty()) {
      place.frame_writer = std::move(pack.idle_frame_writers.back());
      pack.idle_frame_writers.pop_back();
    }
    return place;
  }

  void release(Reservation& place) {
    const std::lock_guard lock(mutex);
    Pack& pack = *place.pack;
    if (place.frame_writer) {
      pack.idle_frame_writers.push_back(std::move(place.frame_writer));
    }
    if (--pack.writers != 0 || &pack == open.get()) {
      return;
    }
    const auto at = std::find_if(closing.begin(), closing.end(), [&](const auto& other) { return other.get() == &pack; });
    std::unique_ptr<Pack> last = std::move(*at);
    closing.erase(at);
    submit(std::move(last));
    changed.notify_all();
  }

  // Appends index and trailer; returns the whole object.
  [[nodiscard]] ByteView complete(Pack& pack, Bytes& index) const {
    index.clear();
    encode_pack_index(pack.chunks, index);
    const std::size_t frame_size = frame_overhead + index.size();
    FrameWriter frame_writer(pack.header, repository.data_key());
    frame_writer.write({CompressionMethod::none, index}, static_cast<std::uint32_t>(index.size()), sha256(index),
                       static_cast<std::uint32_t>(pack.chunks.size()), FrameWriter::Position::last,
                       pack.memory.subspan(pack.used, frame_size));
    const std::size_t size = closed_size(pack.used, pack.chunks.size());
    write_pack_trailer(pack.used, size, pack.memory.subspan(pack.used + frame_size, pack_trailer_size));
    return pack.memory.first(size);
  }

  void upload(Pack& pack, Bytes& index, Bytes& piece) {
    const ByteView object = complete(pack, index);
    // A name of 128 random bits is taken only when a retried put had succeeded the first time; reading back tells.
    if (repository.store().put(pack.name, MemoryBody(object)) == PutResult::created) {
      stored_bytes.fetch_add(object.size(), std::memory_order_relaxed);
    }
    read_back(repository.store(), pack.name, object, piece);
    const std::lock_guard lock(mutex);
    ++totals.packs;
    totals.chunks += pack.chunks.size();
    totals.stored_bytes += object.size();
  }

  void run_uploads() {
    try {
      Bytes index;
      Bytes piece(pack_piece);
      while (std::optional<std::unique_ptr<Pack>> pack = full.pop()) {
        upload(**pack, index, piece);
      }
    } catch (...) {
      fail(current_error());
    }
  }

  Totals finish() {
    {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return !opening; });
      finished = true;
      if (open) {
        close_open();
      }
      changed.wait(lock, [&] { return error || closing.empty(); });
    }
    full.close();
    threads.clear();
    const std::lock_guard lock(mutex);
    throw_if_failed();
    return totals;
  }

  const Repository& repository;
  const std::string cluster;
  const Options options;
  const std::size_t frame_overhead;  // bytes of a frame besides the compressed ones
  BufferPool pool;
  BoundedQueue<std::unique_ptr<Pack>> full;
  std::atomic<std::uint64_t> stored_bytes{0};

  std::mutex mutex;  // guards what follows, and all of a Pack but its memory
  std::condition_variable changed;
  bool opening = false;  // a thread waits for a buffer for the next pack
  std::unique_ptr<Pack> open;
  std::vector<std::unique_ptr<Pack>> closing;  // take no more chunks, but are being written
  std::optional<Error> error;
  bool finished = false;
  Totals totals;

  std::vector<std::jthread> threads;
};

PackWriter::PackWriter(const Repository& repository, std::string cluster, Options options)
    : state_(std::make_unique<State>(repository, std::move(cluster), options)) {}

PackWriter::~PackWriter() = default;

ChunkRef PackWriter::add(const Compressed& compressed, std::uint32_t raw_size, const Sha256Digest& digest) {
  if (raw_size > max_frame_raw_size || compressed.bytes.size() > raw_size) {
    throw Error(ErrorKind::failed, "a chunk is larger than a frame may be").with("size", raw_size);
  }
  Reservation place = state_->reserve(compressed.bytes.size(), raw_size, digest);
  try {
    if (!place.frame_writer) {
      place.frame_writer = std::make_unique<FrameWriter>(place.pack->header, state_->repository.data_key());
    }
    place.frame_writer->write(compressed, raw_size, digest, place.number, FrameWriter::Position::inside, place.room);
  } catch (...) {
    // A pack with a frame that was not written must not be stored: the error drops it.
    state_->fail(current_error());
    state_->release(place);
    throw;
  }
  state_->release(place);
  return place.chunk;
}

PackWriter::Totals PackWriter::finish() { return state_->finish(); }

std::uint64_t PackWriter::stored_bytes() const noexcept { return state_->stored_bytes.load(std::memory_order_relaxed); }

void PackWriter::cancel() { state_->fail(Error(ErrorKind::cancelled, "storing packs was cancelled")); }

}  // namespace pgrecall

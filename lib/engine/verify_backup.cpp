#include "engine/verify_backup.h"

#include <algorithm>

#include "base/error.h"
#include "io/rate_limiter.h"

namespace pgrecall {

namespace {

constexpr std::size_t max_gathered = 4096;     // small files
constexpr std::size_t read_piece = 1U << 20U;  // bytes
constexpr std::size_t max_noted_packs = 20;

}  // namespace

VerifyBackup::VerifyBackup(const VerifyContext& context, const BackupSummary& summary)
    : context_(context),
      summary_(summary),
      manifest_name_(manifest_name(context.request.cluster, summary.id)),
      reader_(context.repository, context.request.cluster) {}

void VerifyBackup::inconsistent(const std::string& object, std::string problem, FindingSeverity severity) {
  const std::string place = problem;
  context_.findings.add({.severity = severity,
                         .kind = finding_kind::inconsistent,
                         .object = object,
                         .backups = {id()},
                         .file = {},
                         .block = {},
                         .problem = std::move(problem)},
                        place);
}

bool VerifyBackup::check_manifest() {
  if (context_.repository.store().open(manifest_name_) == nullptr) {
    context_.findings.add({.severity = FindingSeverity::damage,
                           .kind = finding_kind::missing_object,
                           .object = manifest_name_,
                           .backups = {id()},
                           .file = {},
                           .block = {},
                           .problem = "the backup's manifest is missing"});
    return false;
  }
  return context_.noting_damage(manifest_name_, id(), [this] {
    compare_object();
    read_totals();
  });
}

// The bytes of the object, as the summary knows them.
void VerifyBackup::compare_object() {
  const auto object = context_.repository.store().open(manifest_name_);
  const std::uint64_t size = object == nullptr ? 0 : object->size();
  if (size != summary_.manifest_size) {
    throw Error(ErrorKind::corruption, "the manifest does not have the size that the summary says")
        .with("object", manifest_name_)
        .with("expected", summary_.manifest_size)
        .with("found", size);
  }
  Sha256 digest;
  Bytes piece(static_cast<std::size_t>(std::min<std::uint64_t>(read_piece, size)));
  for (std::uint64_t at = 0; at < size;) {
    throw_if_stopped(context_.stop);
    const std::size_t got = object->read(at, piece);
    if (got == 0) {
      break;
    }
    digest.update(ByteView(piece).first(got));
    at += got;
  }
  const Sha256Digest found = digest.finish();
  if (found != summary_.manifest_digest) {
    throw Error(ErrorKind::corruption, "the manifest is not the one that the summary names")
        .with("object", manifest_name_)
        .with("expected", summary_.manifest_digest.to_string())
        .with("found", found.to_string());
  }
}

// A first pass, so that nothing is said of the contents of a manifest that is damaged further on.
void VerifyBackup::read_totals() {
  ManifestReader manifest(context_.repository, context_.request.cluster, summary_.id);
  std::uint64_t files = 0;
  while (const ManifestEntry* entry = manifest.next()) {
    files += entry->type == EntryType::file ? 1 : 0;
  }
  totals_ = manifest.totals();
  used_packs_.assign(totals_.packs.size(), false);
  if (files != summary_.files || totals_.file_bytes != summary_.logical_bytes) {
    inconsistent(manifest_name_, "the manifest holds " + std::to_string(files) + " files of " +
                                     std::to_string(totals_.file_bytes) + " bytes, the summary says " +
                                     std::to_string(summary_.files) + " of " + std::to_string(summary_.logical_bytes));
  }
}

void VerifyBackup::check_contents() {
  for (const PackId& pack : totals_.packs) {
    // Findings name what is missing.
    static_cast<void>(context_.packs.need(pack, id()));
  }
  ManifestReader manifest(context_.repository, context_.request.cluster, summary_.id);
  while (const ManifestEntry* entry = manifest.next()) {
    throw_if_stopped(context_.stop);
    if (entry->type == EntryType::file) {
      check_file(*entry);
    }
  }
  flush_parts();
  if (!has_control_file_) {
    inconsistent(manifest_name_, "the backup has no global/pg_control");
  }
  compare_packs();
}

void VerifyBackup::check_file(const ManifestEntry& entry) {
  if (entry.tree == EntryTree::data_directory && entry.path == "global/pg_control") {
    has_control_file_ = true;
  }
  if (const auto* part = std::get_if<PartContent>(&entry.content)) {
    add_part(entry, *part);
  } else if (const auto* whole = std::get_if<ChunkContent>(&entry.content)) {
    submit(
        whole->chunk,
        {{.file = entry.path, .tree = entry.tree, .file_offset = 0, .length = entry.size, .offset_in_chunk = 0, .digest = {}}});
  } else if (const auto* maps = std::get_if<MapsContent>(&entry.content)) {
    std::uint64_t start = 0;
    for (const MapRange& range : maps->ranges) {
      check_range(entry, range, start);
      start += range.length;
    }
  }
}

// Files that share a chunk stand near each other, though others may stand between them.
void VerifyBackup::add_part(const ManifestEntry& entry, const PartContent& part) {
  parts_[part.chunk].push_back({.file = entry.path,
                                .tree = entry.tree,
                                .file_offset = 0,
                                .length = entry.size,
                                .offset_in_chunk = part.offset,
                                .digest = part.digest});
  if (++gathered_ >= max_gathered) {
    flush_parts();
  }
}

void VerifyBackup::flush_parts() {
  for (auto& [chunk, uses] : parts_) {
    submit(chunk, std::move(uses));
  }
  parts_.clear();
  gathered_ = 0;
}

std::optional<VerifyPacks::Place> VerifyBackup::locate(const ChunkRef& chunk, const std::string& file) {
  const auto at = std::ranges::lower_bound(totals_.packs, chunk.pack);
  if (at != totals_.packs.end() && *at == chunk.pack) {
    used_packs_[static_cast<std::size_t>(at - totals_.packs.begin())] = true;
  } else {
    // Whoever sweeps packs would take it for one that nobody needs.
    inconsistent(manifest_name_, "a pack that the backup needs is not in its list: " + chunk.pack.to_string());
  }
  const auto place = context_.packs.locate(chunk, id(), file);
  if (place) {
    const Time read = context_.ledger.pack(place->pack);
    oldest_reading_ = std::min(oldest_reading_.value_or(read), read);
  }
  return place;
}

void VerifyBackup::check_range(const ManifestEntry& entry, const MapRange& range, std::uint64_t start) {
  const auto map = read_map(entry, range, start);
  if (!map) {
    return;
  }
  std::vector<std::vector<ChunkUse>> uses(map->chunks.size());
  for (const Extent& extent : flatten(map->extents)) {
    uses[extent.chunk].push_back({.file = entry.path,
                                  .tree = entry.tree,
                                  .file_offset = extent.file_offset,
                                  .length = extent.length,
                                  .offset_in_chunk = extent.offset_in_chunk,
                                  .digest = {}});
  }
  for (std::size_t i = 0; i < uses.size(); ++i) {
    // Also a chunk of which nothing shows through is stored, and read by who goes by the list of packs.
    submit(map->chunks[i], std::move(uses[i]));
  }
}

std::optional<ExtentMap> VerifyBackup::read_map(const ManifestEntry& entry, const MapRange& range, std::uint64_t start) {
  const auto place = locate(range.map, entry.path);
  if (!place) {
    return std::nullopt;
  }
  const bool first = context_.packs.claim(*place);
  try {
    read_placed_chunk(context_, reader_, *place, map_bytes_);
    if (first) {
      ++context_.counters.chunks;
      context_.counters.bytes += map_bytes_.size();
      context_.progress.add_done(place->chunk.body_size + frame_header_size);
    }
    return decode_extent_map(map_bytes_, start, range.length, pack_name(context_.request.cluster, place->chunk.pack));
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::corruption) {
      throw;
    }
    context_.packs.set_bad(*place, error, id(), entry.path);
    return std::nullopt;
  }
}

void VerifyBackup::submit(const ChunkRef& chunk, std::vector<ChunkUse> uses) {
  const auto place = locate(chunk, uses.empty() ? std::string() : uses.front().file);
  if (!place) {
    return;
  }
  if (!sampled(context_.request, place->chunk) || !context_.packs.claim(*place)) {
    context_.packs.note_user(*place, id());
    return;
  }
  // The job may outlive this object when an error ends the verify.
  context_.pool.submit([&context = context_, &summary = summary_, at = *place, list = std::move(uses)](VerifyWorker& worker) {
    verify_chunk(context, worker, at, &summary, list);
  });
}

void VerifyBackup::compare_packs() {
  std::size_t noted = 0;
  for (std::size_t i = 0; i < used_packs_.size() && noted < max_noted_packs; ++i) {
    if (!used_packs_[i]) {
      ++noted;
      inconsistent(manifest_name_, "the backup lists a pack that it does not need: " + totals_.packs[i].to_string(),
                   FindingSeverity::notice);
    }
  }
}

}  // namespace pgrecall

#include "engine/verify_chunk.h"

#include <algorithm>

#include "base/error.h"
#include "codec/frame.h"
#include "io/rate_limiter.h"
#include "postgres/relation_file.h"
#include "repository/chunk_table.h"

namespace pgrecall {

namespace {

// The finalizer of SplitMix64 (Steele, Lea, Flood, 2014): every input bit changes half of the output bits.
std::uint64_t mix(std::uint64_t value) noexcept {
  value = (value ^ (value >> 30U)) * 0xBF58476D1CE4E5B9U;
  value = (value ^ (value >> 27U)) * 0x94D049BB133111EBU;
  return value ^ (value >> 31U);
}

template <typename Pages>
bool listed(const Pages& pages, const std::string& file, std::uint64_t block) {
  return std::ranges::any_of(pages, [&](const auto& page) { return page.block == block && page.file == file; });
}

// The server was writing the page when it was read: WAL replay brings it whole.
bool healed_by_replay(const BackupSummary& summary, const std::string& file, const BadPage& page) {
  return (page.lsn >= summary.start_lsn && page.lsn <= summary.stop_lsn) || listed(summary.torn_pages, file, page.block);
}

void report_page(const VerifyContext& context, const VerifyPacks::Place& place, const BackupSummary& summary,
                 const std::string& file, const BadPage& page) {
  // The summary names the first ones only.
  const bool at_source = listed(summary.page_failures, file, page.block) ||
                         summary.page_failure_count > summary.page_failures.size() ||
                         summary.torn_page_count > summary.torn_pages.size();
  context.findings.add(
      {.severity = at_source ? FindingSeverity::notice : FindingSeverity::damage,
       .kind = finding_kind::page_checksum,
       .object = pack_name(context.request.cluster, place.chunk.pack),
       .backups = {summary.id.text},
       .file = file,
       .block = page.block,
       .problem = (at_source ? "the page was bad in the source already: checksum " : "page checksum is wrong: expected ") +
                  std::to_string(page.expected) + (at_source ? " expected, " : ", ") + "found " + std::to_string(page.found)},
      file + ":" + std::to_string(page.block));
}

void verify_pages(const VerifyContext& context, VerifyWorker& worker, const VerifyPacks::Place& place,
                  const BackupSummary& summary, const ChunkUse& use, ByteView bytes) {
  const auto relation = parse_relation_path(use.file);
  if (!summary.page_checksums || use.tree != EntryTree::data_directory || !relation) {
    return;
  }
  const auto first = first_block_of_segment(relation->segment, summary.relation_segment_blocks);
  const std::uint64_t skipped = (summary.page_size - use.file_offset % summary.page_size) % summary.page_size;
  if (!first || skipped >= bytes.size()) {
    return;
  }
  const std::uint64_t block = *first + (use.file_offset + skipped) / summary.page_size;
  worker.bad_pages.clear();
  check_pages(bytes.subspan(skipped), summary.page_size, static_cast<std::uint32_t>(block), Lsn{}, worker.bad_pages);
  context.counters.pages += (bytes.size() - skipped) / summary.page_size;
  for (const BadPage& page : worker.bad_pages) {
    if (!healed_by_replay(summary, use.file, page)) {
      report_page(context, place, summary, use.file, page);
    }
  }
}

}  // namespace

bool sampled(const VerifyRequest& request, const ChunkRef& chunk) noexcept {
  if (request.data_fraction >= 1) {
    return true;
  }
  const std::uint64_t drawn = mix(mix(PackIdHash{}(chunk.pack) + request.seed) + chunk.offset);
  return static_cast<double>(drawn >> 11U) < request.data_fraction * static_cast<double>(std::uint64_t{1} << 53U);
}

void read_placed_chunk(const VerifyContext& context, ChunkReader& reader, const VerifyPacks::Place& place, Bytes& raw) {
  raw.resize(place.chunk.raw_size);
  const std::uint32_t number = reader.read(place.chunk, raw);
  if (number != place.number) {
    throw Error(ErrorKind::corruption, "frame has another number than its place in the pack")
        .with("object", pack_name(context.request.cluster, place.chunk.pack))
        .with("offset", place.chunk.offset)
        .with("expected", place.number)
        .with("found", number);
  }
}

void verify_chunk(const VerifyContext& context, VerifyWorker& worker, const VerifyPacks::Place& place,
                  const BackupSummary* summary, const std::vector<ChunkUse>& uses) {
  throw_if_stopped(context.stop);
  const std::string backup = summary == nullptr ? std::string() : summary->id.text;
  const std::string first_file = uses.empty() ? std::string() : uses.front().file;
  try {
    read_placed_chunk(context, worker.reader, place, worker.raw);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::corruption) {
      throw;
    }
    if (summary == nullptr && context.vanished(pack_name(context.request.cluster, place.chunk.pack))) {
      return;
    }
    context.packs.set_bad(place, error, backup, first_file);
    return;
  }
  ++context.counters.chunks;
  context.counters.bytes += worker.raw.size();
  context.progress.add_done(place.chunk.body_size + frame_header_size);
  for (const ChunkUse& use : uses) {
    if (use.offset_in_chunk > worker.raw.size() || use.length > worker.raw.size() - use.offset_in_chunk) {
      continue;  // refused where the manifest or the extent map was read
    }
    const ByteView bytes = ByteView(worker.raw).subspan(use.offset_in_chunk, static_cast<std::size_t>(use.length));
    if (use.digest && sha256(bytes) != *use.digest) {
      const Error error(ErrorKind::corruption, "a file's bytes are not what was backed up");
      context.packs.set_bad(place, error, backup, use.file);
      continue;
    }
    verify_pages(context, worker, place, *summary, use, bytes);
  }
}

}  // namespace pgrecall

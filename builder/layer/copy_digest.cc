// What a step's key has of the files that COPY and ADD read.
#include <algorithm>
#include <atomic>
#include <map>

#include "base/text.h"
#include "base/worker_pool.h"
#include "builder/layer/binary.h"
#include "builder/layer/content_id.h"
#include "builder/layer/copy_plan.h"

namespace slipway::builder {

namespace {

// Files for one thread to begin with: below that, starting threads costs more than they bring.
constexpr std::size_t kFilesForAThread = 16;

struct FileToRead {
  const TreeView* view;
  Entry* entry;
};

bool is_unread(const TreeView& view, const Entry& file) {
  return file.type == EntryType::kFile && !file.digest && !view.known_digest(file);
}

// An entry of a visit() as the view itself gives it.
Entry whole_entry(const SelectedItem& item, std::string_view relative,
                  const TreeView::Child& child) {
  Entry entry = child.entry;
  entry.path = item.top->path.join(relative);
  return entry;
}

bool has_unread_below(const TreeView& view, const SelectedItem& item) {
  return !item.below.visit([&](std::string_view relative, const TreeView::Child& child) {
    bool is_known = child.entry.type != EntryType::kFile || child.entry.digest;
    return is_known || !is_unread(view, whole_entry(item, relative, child));
  });
}

struct Tally {
  std::uint64_t entries = 0;
  bool has_all_digests = true;  // of the files among them
};

Tally tally_of(const SelectedContent& below) {
  Tally tally;
  below.visit([&](std::string_view, const TreeView::Child& child) {
    ++tally.entries;
    tally.has_all_digests &= child.entry.type != EntryType::kFile || child.entry.digest;
    return true;
  });
  return tally;
}

// Where all is known, no entry is kept.
std::vector<FileToRead> files_without_digest(const CopyRequest& request, CopySelection& selection,
                                             const std::vector<Tally>& tallies) {
  std::vector<FileToRead> files;
  auto add = [&](const TreeView* view, Entry& entry) {
    if (entry.type != EntryType::kFile || entry.digest) {
      return;
    }
    // Asked here and not side by side: it takes less than handing the question over.
    entry.digest = view->known_digest(entry);
    if (!entry.digest) {
      files.push_back({view, &entry});
    }
  };
  for (std::size_t i = 0; i < tallies.size(); ++i) {
    SelectedItem& item = selection.items[i];
    const TreeView* view = request.sources[item.source].view;
    if (item.top) {
      add(view, *item.top);
    }
    if (!tallies[i].has_all_digests) {
      for (Entry& entry : item.below.keep_entries()) {
        add(view, entry);
      }
    }
  }
  return files;
}

void read_digests(const std::vector<FileToRead>& files, unsigned threads, std::stop_token stop) {
  std::atomic<std::size_t> next = 0;
  std::size_t useful = (files.size() + kFilesForAThread - 1) / kFilesForAThread;
  std::vector<std::move_only_function<void(std::stop_token)>> jobs;
  for (std::size_t i = 0; i < std::min<std::size_t>(threads, useful); ++i) {
    jobs.push_back([&](std::stop_token job_stop) {
      for (std::size_t file = next++; file < files.size(); file = next++) {
        base::throw_if_stopped(job_stop);
        files[file].entry->digest = files[file].view->digest(*files[file].entry);
      }
    });
  }
  base::run_all(std::move(jobs), threads, std::move(stop));
}

class SelectionHash {
 public:
  SelectionHash() { hash_.update("slipway sources 1\n"); }

  void add(const CopyFrom& from, const SelectedItem& item, const Tally& tally) {
    append_number(record_, item.source);
    append_text(record_, item.written.base_name());
    if (!item.top) {
      append_text(record_, "heredoc");
      append_text(record_, from.text);
    } else if (item.top->is_directory()) {
      // Its own mode and owner go nowhere.
      append_text(record_, "directory");
      append_number(record_, tally.entries);
    } else {
      append_text(record_, "file");
      append_content_form(record_, *item.top);
    }
    flush();
    add_content(from, item);
  }

  base::Digest finish() {
    flush();
    return hash_.finish();
  }

 private:
  void add_content(const CopyFrom& from, const SelectedItem& item) {
    std::map<std::uint64_t, std::uint64_t> groups;
    item.below.visit([&](std::string_view relative, const TreeView::Child& child) {
      append_number(record_, relative.size() + 1);
      record_ += '/';
      record_ += relative;
      append_content_form(record_, child.entry);
      // Which names are one file: numbered as they come.
      std::uint64_t group =
          child.has_other_names ? from.view->link_group(whole_entry(item, relative, child)) : 0;
      append_number(record_,
                    group == 0 ? 0 : groups.try_emplace(group, groups.size() + 1).first->second);
      if (record_.size() >= kHashedAtOnce) {
        flush();
      }
      return true;
    });
  }

  void flush() {
    hash_.update(record_);
    record_.clear();
  }
  static constexpr std::size_t kHashedAtOnce = 16384;
  base::Sha256 hash_;
  std::string record_;
};

}  // namespace

bool has_unread_files(const CopyRequest& request, const CopySelection& selection) {
  return std::any_of(selection.items.begin(), selection.items.end(), [&](const SelectedItem& item) {
    const TreeView* view = request.sources[item.source].view;
    return view != nullptr &&
           ((item.top && is_unread(*view, *item.top)) || has_unread_below(*view, item));
  });
}

base::Digest digest_of(const CopyRequest& request, CopySelection& selection, unsigned threads,
                       std::stop_token stop) {
  std::vector<Tally> tallies;
  for (const SelectedItem& item : selection.items) {
    tallies.push_back(tally_of(item.below));
  }
  read_digests(files_without_digest(request, selection, tallies), std::max(1U, threads),
               std::move(stop));
  SelectionHash hash;
  for (std::size_t i = 0; i < tallies.size(); ++i) {
    const SelectedItem& item = selection.items[i];
    hash.add(request.sources[item.source], item, tallies[i]);
  }
  return hash.finish();
}

}  // namespace slipway::builder

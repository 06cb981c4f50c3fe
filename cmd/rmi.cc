#include <algorithm>
#include <limits>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "builder/image/store_images.h"
#include "cmd/flags.h"
#include "cmd/image_names.h"
#include "cmd/output/units.h"
#include "cmd/report.h"
#include "cmd/services.h"
#include "cmd/verbs.h"

namespace slipway::cmd {

namespace {

using base::cat;
using Listed = cache::ImageTable::Listed;

class Remover {
 public:
  Remover(cache::Store& store, bool force) : store_(store), force_(force) {}

  // What the user names: a name or a repository's digest goes, and the image with the last of both;
  // an ID means the image itself. Nothing is removed if an error is thrown.
  void remove(const std::string& text) {
    auto reference = registry::Reference::parse(text);
    if (reference && reference->digest()) {
      remove_digest(*reference, text);
      return;
    }
    if (reference) {
      std::string name = reference->with_default_tag().canonical();
      if (std::optional<cache::NameRow> row = store_.images().find_name(name)) {
        remove_name(*row, reference->name());
        return;
      }
    }
    Listed image = get_listed_image(store_, text, registry::host_platform());
    check_no_other_names(image);
    remove_image(image);
  }

 private:
  void remove_name(const cache::NameRow& row, const std::string& repository) {
    std::vector<cache::ImageId> images = images_of(row.target);
    store_.images().remove_name(row.reference);
    print_out(cat("Untagged: ", familiar_text(row.reference), "\n"));
    for (const cache::ImageId& id : images) {
      forget_repository(id, repository);
      remove_if_unnamed(id);
    }
  }

  // Docker: the digests of a repository go with its last tag of the image.
  void forget_repository(const cache::ImageId& id, const std::string& repository) {
    std::optional<Listed> left = store_.images().find_listed(id);
    if (!left || std::ranges::any_of(left->names, [&](const cache::NameRow& name) {
          auto reference = registry::Reference::parse(name.reference);
          return reference && reference->name() == repository;
        })) {
      return;
    }
    std::erase_if(left->digests, [&](const cache::RepositoryDigestRow& digest) {
      return digest.repository != repository;
    });
    if (left->digests.empty()) {
      return;
    }
    store_.images().remove_repository_digests(id, repository);
    for (const std::string& digest : familiar_digests(left->digests)) {
      print_out(cat("Untagged: ", digest, "\n"));
    }
  }

  // All images of it, where the digest is that of an index.
  void remove_digest(const registry::Reference& reference, const std::string& text) {
    std::vector<cache::ImageId> images;
    for (const Listed& listed : store_.images().list()) {
      if (std::ranges::any_of(listed.digests, [&](const cache::RepositoryDigestRow& row) {
            return row.repository == reference.name() && row.digest == *reference.digest();
          })) {
        images.push_back(listed.image.id);
      }
    }
    if (!store_.images().remove_repository_digest(reference.name(), *reference.digest())) {
      fail_no_image(store_, text);
    }
    print_out(
        cat("Untagged: ", familiar_text(reference.name()), "@", reference.digest()->text(), "\n"));
    for (const cache::ImageId& id : images) {
      remove_if_unnamed(id);
    }
  }

  void remove_if_unnamed(const cache::ImageId& id) {
    std::optional<Listed> left = store_.images().find_listed(id);
    if (left && left->names.empty() && left->digests.empty()) {
      remove_image(*left);
    }
  }

  std::vector<cache::ImageId> images_of(const cache::NameTarget& target) {
    if (const auto* id = std::get_if<cache::ImageId>(&target)) {
      return {*id};
    }
    std::optional<cache::IndexRow> index =
        store_.images().find_index(std::get<base::Digest>(target));
    return index ? index->images : std::vector<cache::ImageId>{};
  }

  // By ID, an image that several repositories have is too easily removed by mistake.
  void check_no_other_names(const Listed& image) const {
    std::set<std::string> repositories;
    for (const cache::NameRow& name : image.names) {
      if (auto reference = registry::Reference::parse(name.reference)) {
        repositories.insert(reference->name());
      }
    }
    if (repositories.size() > 1 && !force_) {
      base::fail(base::ErrorKind::kInput,
                 cat("conflict: unable to delete ", short_id(image.image.id.text()),
                     " (must be forced) - image is referenced in multiple repositories: ",
                     base::join(familiar_names(image.names), ", ")),
                 "remove the names one by one, or all with --force");
    }
  }

  void remove_image(const Listed& image) {
    store_.images().remove(image.image.id);
    std::string text;
    for (const std::string& name : familiar_names(image.names)) {
      text += cat("Untagged: ", name, "\n");
    }
    for (const std::string& digest : familiar_digests(image.digests)) {
      text += cat("Untagged: ", digest, "\n");
    }
    print_out(cat(text, "Deleted: ", image.image.id.text(), "\n"));
  }

  cache::Store& store_;
  bool force_;
};

// One that can't be removed does not keep the others. The exit code is that of the first failure.
int remove_all(const std::vector<std::string>& images, bool force, Services& services) {
  int code = 0;
  Remover remover(services.store(), force);
  for (const std::string& image : images) {
    std::optional<base::Error> error = failure_of([&] { remover.remove(image); });
    if (!error) {
      continue;
    }
    print_error(report_text(*error));
    bool is_fine = force && error->kind() == base::ErrorKind::kNotFound;
    if (code == 0 && !is_fine) {
      code = static_cast<int>(exit_code_of(error->kind()));
    }
  }
  return code;
}

}  // namespace

int run_rmi(const Invocation& invocation) {
  bool force = false;
  bool no_prune = false;
  std::vector<std::string> words;
  Flags flags("rmi", "[OPTIONS] IMAGE [IMAGE...]",
              "Remove names; an image whose last name is removed goes, too.");
  flags.toggle("-f,--force", force,
               "Also an image with names in several repositories; a missing one is no error");
  flags.toggle("--no-prune", no_prune, "Leave what nothing needs any more to 'slipway prune'");
  flags.words(words, {1, std::numeric_limits<std::size_t>::max()});
  if (!flags.parse(invocation.arguments)) {
    print_out(flags.help_text());
    return 0;
  }
  Services services(invocation);
  int code = remove_all(words, force, services);
  if (!no_prune) {
    services.store().collect(services.stop());
  }
  return code;
}

}  // namespace slipway::cmd

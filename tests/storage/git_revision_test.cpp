#include "storage/git_revision.hpp"

#include "storage/atomic_file.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/temp_folder.hpp"

using namespace ndr;

namespace {

const std::string first(40, 'a');
const std::string second(40, 'b');

void write(const std::filesystem::path& file, const std::string& text) {
  std::filesystem::create_directories(file.parent_path());
  write_file_atomically(file, text);
}

}  // namespace

TEST_CASE("a checkout's commit is read from its head, its branch, or the packed branches") {
  TempFolder folder;
  const std::filesystem::path root = folder / "checkout";
  CHECK(git_revision(root).empty());
  write(root / ".git" / "HEAD", first + "\n");
  CHECK(git_revision(root) == first);
  CHECK(git_revision(root / "build" / "release") == first);
  write(root / ".git" / "HEAD", "ref: refs/heads/main\n");
  CHECK(git_revision(root).empty());
  write(root / ".git" / "packed-refs", "# pack-refs\n" + first + " refs/heads/other\n" + second + " refs/heads/main\n");
  CHECK(git_revision(root) == second);
  write(root / ".git" / "refs" / "heads" / "main", first + "\n");
  CHECK(git_revision(root) == first);
}

TEST_CASE("a linked worktree's commit is its own, its branches are the repository's") {
  TempFolder folder;
  const std::filesystem::path git = folder / "repository" / ".git";
  write(git / "HEAD", first + "\n");
  write(git / "refs" / "heads" / "fix", second + "\n");
  write(git / "worktrees" / "fix" / "HEAD", "ref: refs/heads/fix\n");
  write(git / "worktrees" / "fix" / "commondir", "../..\n");
  write(folder / "fix" / ".git", "gitdir: " + (git / "worktrees" / "fix").string() + "\n");
  CHECK(git_revision(folder / "fix") == second);
}

TEST_CASE("a head that is no commit, or leads out of the repository or in a circle, gives none") {
  TempFolder folder;
  const std::filesystem::path git = folder / "checkout" / ".git";
  write(git / "HEAD", "not a commit\n");
  CHECK(git_revision(folder / "checkout").empty());
  write(folder / "secret", first + "\n");
  write(git / "HEAD", "ref: ../../secret\n");
  CHECK(git_revision(folder / "checkout").empty());
  write(git / "HEAD", "ref: HEAD\n");
  CHECK(git_revision(folder / "checkout").empty());
}

#include "tests/replay/command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "runtime/builtins/check.h"

namespace writ::command {
namespace {

struct Pipe {
  int read_end = -1, write_end = -1;
  Pipe() {
    int ends[2];
    WRIT_CHECK(pipe2(ends, O_CLOEXEC) == 0);
    read_end = ends[0];
    write_end = ends[1];
  }
};

void Close(int* descriptor) {
  if (*descriptor >= 0) close(*descriptor);
  *descriptor = -1;
}

// `err` below 0: this process's own.
pid_t Start(const std::vector<std::string>& arguments, int in, int out, int err) {
  std::vector<std::string> words = {WRIT_COMMAND};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  const pid_t pid = fork();
  WRIT_CHECK(pid >= 0);
  if (pid != 0) return pid;
  dup2(in, STDIN_FILENO);
  dup2(out, STDOUT_FILENO);
  if (err >= 0) dup2(err, STDERR_FILENO);
  signal(SIGPIPE, SIG_DFL);
  execv(WRIT_COMMAND, pointers.data());
  _exit(127);
}

int Status(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) WRIT_CHECK(errno == EINTR);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// Reads what there is; false at the end.
bool Take(int descriptor, std::string* text) {
  char piece[65536];
  const ssize_t count = read(descriptor, piece, sizeof piece);
  if (count < 0 && errno == EINTR) return true;
  if (count > 0) text->append(piece, static_cast<size_t>(count));
  return count > 0;
}

// Input and both outputs at once: none may wait for another.
void Exchange(int in, std::string_view input, int out, int err, Result* result) {
  fcntl(in, F_SETFL, O_NONBLOCK);
  if (input.empty()) Close(&in);
  while (out >= 0 || err >= 0) {
    pollfd watched[] = {{in, POLLOUT, 0}, {out, POLLIN, 0}, {err, POLLIN, 0}};
    if (poll(watched, 3, -1) < 0) continue;
    if (in >= 0 && watched[0].revents != 0) {
      const ssize_t count = write(in, input.data(), input.size());
      if (count > 0) input.remove_prefix(static_cast<size_t>(count));
      if (input.empty() || (count < 0 && errno != EAGAIN && errno != EINTR)) Close(&in);
    }
    if (out >= 0 && watched[1].revents != 0 && !Take(out, &result->out)) Close(&out);
    if (err >= 0 && watched[2].revents != 0 && !Take(err, &result->err)) Close(&err);
  }
  Close(&in);
}

}  // namespace

Result Writ(const std::vector<std::string>& arguments, std::string_view input) {
  signal(SIGPIPE, SIG_IGN);
  Pipe in, out, err;
  const pid_t pid = Start(arguments, in.read_end, out.write_end, err.write_end);
  Close(&in.read_end);
  Close(&out.write_end);
  Close(&err.write_end);
  Result result;
  Exchange(in.write_end, input, out.read_end, err.read_end, &result);
  result.status = Status(pid);
  return result;
}

Child::Child(const std::vector<std::string>& arguments) {
  signal(SIGPIPE, SIG_IGN);
  Pipe in, out;
  pid_ = Start(arguments, in.read_end, out.write_end, -1);
  Close(&in.read_end);
  Close(&out.write_end);
  in_ = in.write_end;
  out_ = out.read_end;
}

Child::~Child() {
  if (pid_ > 0) {
    Kill();
    Wait();
  }
  Close(&in_);
  Close(&out_);
}

bool Child::Feed(std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = write(in_, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    text.remove_prefix(static_cast<size_t>(count));
  }
  return true;
}

bool Child::ReadLine(std::string* line) {
  while (true) {
    const size_t end = buffer_.find('\n', read_);
    if (end != std::string::npos) {
      *line = buffer_.substr(read_, end - read_);
      read_ = end + 1;
      return true;
    }
    if (!Take(out_, &buffer_)) return false;
  }
}

void Child::CloseInput() { Close(&in_); }
void Child::Kill() { kill(pid_, SIGKILL); }
int Child::Wait() {
  const int status = Status(pid_);
  pid_ = -1;
  return status;
}

TemporaryDirectory::TemporaryDirectory() {
  path_ = (std::filesystem::temp_directory_path() / "writ-XXXXXX").string();
  WRIT_CHECK(mkdtemp(path_.data()) != nullptr);
}
TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string ReadFile(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

void WriteFile(const std::string& path, std::string_view text) {
  std::ofstream stream(path, std::ios::binary | std::ios::trunc);
  stream.write(text.data(), static_cast<std::streamsize>(text.size()));
  WRIT_CHECK(stream.flush().good());
}

std::vector<std::string> Lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

}  // namespace writ::command

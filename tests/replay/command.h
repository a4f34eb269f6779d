// The `writ` command as a child process, for tests that look at it from outside.
//
// Errors    what the machine refuses (no pipe, no fork) ends the test program; what the command does is in the result.
// Threads   one at a time; the command's own standard error goes to a file or to the result.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

namespace writ::command {

struct Result {
  int status = -1;  // exit status; 128 + the signal that ended it
  std::string out, err;
};

// Runs `writ ARGUMENTS…` with `input` as standard input, to its end.
Result Writ(const std::vector<std::string>& arguments, std::string_view input = "");

// One that is fed and read bit by bit, and can be killed at any moment.
class Child {
 public:
  explicit Child(const std::vector<std::string>& arguments);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // Writes to standard input; false once nobody reads it any more.
  bool Feed(std::string_view text);
  // The next line of standard output without its end; false at the end. What a killed process left half-written is no
  // line.
  bool ReadLine(std::string* line);
  void CloseInput();
  void Kill();  // SIGKILL
  int Wait();   // exit status, as in Result

 private:
  pid_t pid_ = -1;
  int in_ = -1, out_ = -1;
  std::string buffer_;
  size_t read_ = 0;
};

// A directory of its own below the system's place for such, gone at the end.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::string& path() const { return path_; }
  std::string Below(std::string_view name) const { return path_ + "/" + std::string(name); }

 private:
  std::string path_;
};

std::string ReadFile(const std::string& path);
void WriteFile(const std::string& path, std::string_view text);
std::vector<std::string> Lines(std::string_view text);

}  // namespace writ::command

// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/path_patterns.hpp"

#include <vector>

namespace hillstar::policy {
namespace {

struct Piece {
  /// From `star` on: may stand for nothing, and for more than one character.
  enum class Kind { plain, one, set, star, stars, folders };
  Kind kind = Kind::plain;
  char plain = 0;
  std::string_view set = {};  ///< Between the brackets, without the `!`.
  bool negated = false;
};

/// Where a set that opens at `at` closes; npos if it does not. A `]` that stands first is one of the set.
std::size_t end_of_set(std::string_view pattern, std::size_t at) {
  auto first = at + 1;
  if (first < pattern.size() && (pattern[first] == '!' || pattern[first] == '^')) ++first;
  return pattern.find(']', first + 1);
}

std::vector<Piece> pieces_of(std::string_view pattern) {
  std::vector<Piece> pieces;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    Piece piece;
    if (pattern[i] == '*') {
      const bool twice = i + 1 < pattern.size() && pattern[i + 1] == '*';
      piece.kind = twice ? Piece::Kind::stars : Piece::Kind::star;
      i += twice ? 1 : 0;
      // `**/` is any number of whole folders, or none.
      if (twice && i + 1 < pattern.size() && pattern[i + 1] == '/' && (pieces.empty() || pieces.back().plain == '/')) {
        piece.kind = Piece::Kind::folders;
        ++i;
      }
    } else if (pattern[i] == '?') {
      piece.kind = Piece::Kind::one;
    } else if (const auto end = pattern[i] == '[' ? end_of_set(pattern, i) : std::string_view::npos;
               end != std::string_view::npos) {
      piece.kind = Piece::Kind::set;
      piece.negated = pattern[i + 1] == '!' || pattern[i + 1] == '^';
      const auto first = i + (piece.negated ? 2 : 1);
      piece.set = pattern.substr(first, end - first);
      i = end;
    } else {
      if (pattern[i] == '\\' && i + 1 < pattern.size()) ++i;
      piece.plain = pattern[i];
    }
    pieces.push_back(piece);
  }
  return pieces;
}

bool in_set(std::string_view set, char c) {
  const auto byte = [](char letter) { return static_cast<unsigned char>(letter); };
  for (std::size_t i = 0; i < set.size(); ++i) {
    if (i + 2 < set.size() && set[i + 1] == '-') {
      if (byte(set[i]) <= byte(c) && byte(c) <= byte(set[i + 2])) return true;
      i += 2;
    } else if (set[i] == c) {
      return true;
    }
  }
  return false;
}

bool takes(const Piece& piece, char c) {
  switch (piece.kind) {
    case Piece::Kind::plain:
      return piece.plain == c;
    case Piece::Kind::one:
    case Piece::Kind::star:
      return c != '/';
    case Piece::Kind::set:
      return c != '/' && in_set(piece.set, c) != piece.negated;
    case Piece::Kind::stars:
    case Piece::Kind::folders:
      return true;
  }
  return false;
}

/// All places in the pattern at once, one character after the other: no backtracking.
bool fits_whole(std::string_view pattern, std::string_view text) {
  const auto pieces = pieces_of(pattern);
  const auto repeats = [&](std::size_t i) { return pieces[i].kind >= Piece::Kind::star; };
  // Past what may stand for nothing; for folders that is so only where a part begins.
  const auto reach = [&](std::vector<bool>& places, bool at_part) {
    for (std::size_t i = 0; i < pieces.size(); ++i)
      if (places[i] && repeats(i) && (at_part || pieces[i].kind != Piece::Kind::folders)) places[i + 1] = true;
  };
  std::vector<bool> now(pieces.size() + 1, false);
  now[0] = true;
  reach(now, true);
  for (const char c : text) {
    std::vector<bool> next(pieces.size() + 1, false);
    for (std::size_t i = 0; i < pieces.size(); ++i)
      if (now[i] && takes(pieces[i], c)) next[repeats(i) ? i : i + 1] = true;
    reach(next, c == '/');
    now = std::move(next);
  }
  return now[pieces.size()];
}

}  // namespace

bool fits_path(std::string_view pattern, std::string_view path) {
  const bool is_rooted = pattern.starts_with('/');
  if (is_rooted) pattern.remove_prefix(1);
  if (pattern.ends_with('/')) {
    const bool is_name = !is_rooted && pattern.find('/') == pattern.size() - 1;
    const auto below = std::string(pattern) + "**";
    return fits_whole(is_name ? "**/" + below : below, path);
  }
  if (is_rooted || pattern.find('/') != std::string_view::npos) return fits_whole(pattern, path);
  return fits_whole(pattern, path.substr(path.rfind('/') + 1));
}

std::optional<std::string> problem_with_pattern(std::string_view pattern) {
  if (pattern.empty() || pattern == "/") return "is empty";
  if (pattern.size() > kPathPatternMax) return "is longer than " + std::to_string(kPathPatternMax) + " bytes";
  if (pattern.front() == '!') return "begins with '!': what is not to fit goes into the other list";
  if (pattern == ".." || pattern.starts_with("../") || pattern.starts_with("./") ||
      pattern.find("/../") != std::string_view::npos)
    return "holds '.' or '..': paths begin at the top of the repository";
  return std::nullopt;
}

}  // namespace hillstar::policy

#include "core/base/suggest.h"

#include <algorithm>
#include <cctype>
#include <tuple>

namespace flame {
namespace {

char folded(char c) {
  return c == '-' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
}

std::string sorted_letters(std::string_view name) {
  std::string letters(name);
  std::transform(letters.begin(), letters.end(), letters.begin(), folded);
  std::sort(letters.begin(), letters.end());
  return letters;
}

}  // namespace

size_t edit_distance(std::string_view a, std::string_view b) {
  // Optimal string alignment: three rows of the usual table.
  std::vector<size_t> before_last(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const bool same = folded(a[i - 1]) == folded(b[j - 1]);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1)});
      if (i > 1 && j > 1 && folded(a[i - 1]) == folded(b[j - 2]) &&
          folded(a[i - 2]) == folded(b[j - 1])) {
        row[j] = std::min(row[j], before_last[j - 2] + 1);
      }
    }
    before_last.swap(last);
    last.swap(row);
  }
  return last[b.size()];
}

std::vector<std::string> nearest(std::string_view name,
                                 const std::vector<std::string> &candidates) {
  const size_t allowed = name.size() <= 2 ? 1 : name.size() <= 5 ? 2 : 3;
  struct Near {
    size_t distance;
    bool same_letters;  // only their order differs: of equally near names the likelier one
    const std::string *candidate;
  };
  std::vector<Near> near;
  for (const std::string &candidate : candidates) {
    const size_t distance = edit_distance(name, candidate);
    // A name that shares no letter in its place is no likeness, however short it is.
    if (distance <= allowed && distance < std::max(name.size(), candidate.size())) {
      near.push_back({distance, sorted_letters(name) == sorted_letters(candidate), &candidate});
    }
  }
  std::stable_sort(near.begin(), near.end(), [](const Near &a, const Near &b) {
    return std::tuple(a.distance, !a.same_letters) < std::tuple(b.distance, !b.same_letters);
  });
  std::vector<std::string> names;
  for (const Near &entry : near) {
    if (names.size() == 3) break;
    if (std::find(names.begin(), names.end(), *entry.candidate) == names.end()) {
      names.push_back(*entry.candidate);
    }
  }
  return names;
}

std::string did_you_mean(std::string_view name, const std::vector<std::string> &candidates) {
  const std::vector<std::string> names = nearest(name, candidates);
  if (names.empty()) return {};
  std::string text = "did you mean '" + names[0] + "'";
  for (size_t i = 1; i < names.size(); ++i) text += " or '" + names[i] + "'";
  return text + "?";
}

}  // namespace flame

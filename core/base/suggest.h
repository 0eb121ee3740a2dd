// "Did you mean": the nearest of the names that would have been right.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace flame {

// How many single edits (insert, delete, change, swap of neighbours) lie between two names; '-'
// equals '_' and upper case equals lower case.
size_t edit_distance(std::string_view a, std::string_view b);

// The candidates within a distance that grows with the length of `name`, nearest first, at most
// three. Of equally near ones those with the same letters come first, then the candidates' order
// counts.
std::vector<std::string> nearest(std::string_view name, const std::vector<std::string> &candidates);

// "did you mean 'a'?", "did you mean 'a' or 'b'?", or nothing.
std::string did_you_mean(std::string_view name, const std::vector<std::string> &candidates);

}  // namespace flame

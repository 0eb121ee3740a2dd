// What may be written to the user's terminal.
#pragma once

#include <string>
#include <string_view>

namespace flame {

// True if the descriptor is a terminal, TERM is not "dumb" and NO_COLOR is not set.
bool colour_allowed(int descriptor);

// `text` with every control character but tab and line end written as \xNN, so that text from a
// plugin or a file cannot steer the terminal.
std::string printable(std::string_view text);

}  // namespace flame

// The report of a run: one page of HTML that needs nothing beside it.
#pragma once

#include <string>

#include "core/cli/report_samples.h"
#include "core/cli/run_facts.h"
#include "core/train/metrics_log.h"

namespace flame::cli {

inline constexpr std::string_view kReportFile = "report.html";

// Every text of the run is escaped; nothing is loaded from anywhere.
std::string report_page(const RunFacts &facts, const Metrics &metrics,
                        const ReportSamples &samples);

// Reads what a run has left in its folder and writes the page there. Errors: those of reading and
// writing.
Status write_report(const std::filesystem::path &folder);

}  // namespace flame::cli

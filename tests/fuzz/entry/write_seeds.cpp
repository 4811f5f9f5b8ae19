// write_seeds FOLDER: writes the seeds of every harness to FOLDER/<harness>/.
#include <filesystem>
#include <fstream>

#include "tests/fuzz/harness.h"
#include "tests/fuzz/seeds.h"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  for (const septran::fuzz::Harness& harness : septran::fuzz::harnesses()) {
    const auto folder = std::filesystem::path(argv[1]) / harness.name;
    std::filesystem::create_directories(folder);
    for (const septran::fuzz::Seed& seed : septran::fuzz::seeds(harness.name)) {
      if (!(std::ofstream(folder / seed.name, std::ios::binary) << seed.content)) return 1;
    }
  }
}

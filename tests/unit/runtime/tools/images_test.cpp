// SPDX-License-Identifier: Apache-2.0
#include "runtime/tools/images.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "runtime/platform/base64.hpp"

using namespace hillstar;
using namespace std::string_view_literals;

namespace {

constexpr auto kPng = "\x89PNG\r\n\x1a\n rest"sv;

/// A folder that is gone at the end, as a run's workspace.
struct Workspace {
  Workspace() {
    std::string path = std::filesystem::temp_directory_path() / "hillstar-images-XXXXXX";
    REQUIRE(mkdtemp(path.data()) != nullptr);
    run.workspace = path;
  }
  ~Workspace() { std::filesystem::remove_all(run.workspace); }
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;

  void write(const std::string& name, std::string_view bytes) const {
    std::ofstream(run.workspace + "/" + name, std::ios::binary) << bytes;
  }

  tools::RunContext run;
};

}  // namespace

TEST_CASE("images: the type is that of the first bytes") {
  CHECK(tools::image_type(kPng) == "image/png");
  CHECK(tools::image_type("\xff\xd8\xff\xe0"sv) == "image/jpeg");
  CHECK(tools::image_type("GIF89a.."sv) == "image/gif");
  CHECK(tools::image_type("GIF87a"sv) == "image/gif");
  CHECK(tools::image_type("RIFF\0\0\0\0WEBPVP8 "sv) == "image/webp");
  for (const auto other : {""sv, "RIFF\0\0\0\0WAVE"sv, "RIFF"sv, "\x89PNG"sv, "<svg>"sv, "GIF90a"sv, "%PDF"sv})
    CHECK(tools::image_type(other).empty());
}

TEST_CASE("images: files of the run's folders, up to their limit") {
  const Workspace workspace;
  workspace.write("a.dat", kPng);
  const auto image = tools::load_image(workspace.run, "a.dat");
  REQUIRE(image.has_value());
  CHECK(image->media_type == "image/png");
  CHECK(image->base64 == base64(kPng));
  workspace.write("most.png", std::string(kPng) + std::string(tools::kImageBytesMax - kPng.size(), 'x'));
  CHECK(tools::load_image(workspace.run, "most.png").has_value());
  workspace.write("more.png", std::string(kPng) + std::string(tools::kImageBytesMax - kPng.size() + 1, 'x'));
  CHECK(tools::load_image(workspace.run, "more.png").error().code == Errc::output_limit);
  workspace.write("text.png", "text");
  CHECK(tools::load_image(workspace.run, "text.png").error().code == Errc::tool_parameters);
  CHECK(tools::load_image(workspace.run, "none.png").error().code == Errc::not_found);
  CHECK(tools::load_image(workspace.run, "/etc/passwd").error().code == Errc::path_refused);
  CHECK(tools::load_image(workspace.run, ".").error().code == Errc::io);
  std::filesystem::create_symlink("/etc/passwd", workspace.run.workspace + "/link.png");
  CHECK(tools::load_image(workspace.run, "link.png").error().code == Errc::path_refused);
}

// SPDX-License-Identifier: Apache-2.0
#include "runtime/policy/known_secrets.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "messages/json.hpp"

namespace hillstar::policy {
namespace {

/// A line of a longer secret, such as a private key, counts as secret from this length on.
constexpr std::size_t kLineBytesMin = 24;
constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kBase64Url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::size_t kSecretsMax = 1'000;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// The characters of the encoding that depend on `secret` alone, `offset` bytes behind a boundary.
std::string base64(std::string_view secret, std::size_t offset, std::string_view alphabet) {
  std::string out;
  const std::size_t bits = (offset + secret.size()) * 8;
  for (std::size_t at = (offset * 8 + 5) / 6; (at + 1) * 6 <= bits; ++at) {
    unsigned value = 0;
    for (std::size_t bit = at * 6; bit < at * 6 + 6; ++bit) {
      const auto byte = static_cast<unsigned char>(secret[bit / 8 - offset]);
      value = value << 1U | ((byte >> (7 - bit % 8)) & 1U);
    }
    out += alphabet[value];
  }
  return out;
}

std::string hex(std::string_view secret, std::string_view digits, std::string_view before, bool all) {
  std::string out;
  for (const char c : secret) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = is_letter(c) || is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
    if (plain && !all) {
      out += c;
    } else {
      out.append(before);
      out += digits[byte >> 4U];
      out += digits[byte & 15U];
    }
  }
  return out;
}

std::string json_escaped(std::string_view secret) {
  std::string quoted;
  json::append_string(quoted, json::to_utf8(secret));
  return quoted.substr(1, quoted.size() - 2);
}

/// A word or a path; neither is a secret, and both stand in ordinary text.
bool is_ordinary(std::string_view value) {
  if (value.starts_with('/') || value.starts_with("./") || value.starts_with("~/")) return true;
  const bool letters = std::all_of(value.begin(), value.end(), is_letter);
  const bool digits = std::all_of(value.begin(), value.end(), is_digit);
  return value.size() < 16 && (letters || digits);
}

/// `secret` of `scheme://user:secret@host`.
std::optional<std::string> password_in(std::string_view url) {
  const auto scheme = url.find("://");
  if (scheme == std::string_view::npos) return std::nullopt;
  const auto authority = url.substr(scheme + 3, url.find_first_of("/?# \t\n", scheme + 3) - scheme - 3);
  const auto at = authority.rfind('@');
  const auto colon = authority.find(':');
  if (at == std::string_view::npos || colon == std::string_view::npos || colon > at) return std::nullopt;
  return std::string(authority.substr(colon + 1, at - colon - 1));
}

}  // namespace

bool sounds_secret(std::string_view name) {
  constexpr std::array<std::string_view, 12> kParts{"KEY",        "APIKEY",     "TOKEN",       "SECRET",
                                                    "PASSWORD",   "PASSWD",     "PASS",        "PWD",
                                                    "PASSPHRASE", "CREDENTIAL", "CREDENTIALS", "PAT"};
  if (name == "PWD" || name == "OLDPWD") return false;
  // Of collectors of traces: `authorization=Bearer ...`.
  if (name.starts_with("OTEL_EXPORTER_OTLP_") && name.ends_with("HEADERS")) return true;
  std::string part;
  bool found = false;
  for (std::size_t i = 0; i <= name.size(); ++i) {
    const char c = i < name.size() ? name[i] : '_';
    if (is_letter(c) || is_digit(c)) {
      part += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
      continue;
    }
    if (part == "PUBLIC") return false;
    found = found || std::find(kParts.begin(), kParts.end(), part) != kParts.end();
    part.clear();
  }
  return found;
}

void add_forms(const std::string& secret, std::vector<std::string>& forms) {
  if (secret.size() < kSecretBytesMin || secret.size() > kSecretBytesMax) return;
  const auto add = [&forms](std::string form) {
    if (form.size() >= kSecretBytesMin && std::find(forms.begin(), forms.end(), form) == forms.end())
      forms.push_back(std::move(form));
  };
  add(secret);
  for (std::size_t offset = 0; offset < 3; ++offset) {
    add(base64(secret, offset, kBase64));
    add(base64(secret, offset, kBase64Url));
  }
  add(hex(secret, "0123456789abcdef", "", true));
  add(hex(secret, "0123456789ABCDEF", "", true));
  add(hex(secret, "0123456789abcdef", "%", false));
  add(hex(secret, "0123456789ABCDEF", "%", false));
  add(json_escaped(secret));
  if (secret.find('\n') == std::string::npos) return;
  for (std::size_t begin = 0; begin < secret.size();) {
    const auto end = std::min(secret.find('\n', begin), secret.size());
    const auto line = secret.substr(begin, end - begin);
    if (line.size() >= kLineBytesMin && !line.starts_with("-----")) add(line);
    begin = end + 1;
  }
}

std::vector<KnownSecret> secrets_of(const std::vector<std::string>& environment) {
  std::vector<KnownSecret> secrets;
  for (const auto& entry : environment) {
    if (secrets.size() >= kSecretsMax) break;
    const auto equals = entry.find('=');
    if (equals == std::string::npos) continue;
    std::string value = entry.substr(equals + 1);
    if (auto password = password_in(value); password && password->size() >= kSecretBytesMin && !is_ordinary(*password))
      secrets.push_back({entry.substr(0, equals), *std::move(password)});
    if (sounds_secret(std::string_view(entry).substr(0, equals)) && value.size() >= kSecretBytesMin &&
        !is_ordinary(value))
      secrets.push_back({entry.substr(0, equals), std::move(value)});
  }
  return secrets;
}

const KnownSecret* find_secret(std::string_view text, const std::vector<KnownSecret>& secrets) {
  for (const auto& secret : secrets)
    if (text.find(secret.value) != std::string_view::npos ||
        text.find(json_escaped(secret.value)) != std::string_view::npos)
      return &secret;
  return nullptr;
}

}  // namespace hillstar::policy

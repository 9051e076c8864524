// SPDX-License-Identifier: Apache-2.0
// The table. Formats are those that the vendors document or that their programs make.
#include "runtime/policy/secret_rules.hpp"

#include "runtime/policy/secret_guards.hpp"

namespace hillstar::policy {
namespace {

/// The name's rest, closing quotes, and what gives it a value.
#define HILLSTAR_ASSIGN R"([0-9_]{0,4}\\{0,8}["']?\]?\s{0,3}(?::=|=>|==|=|:)\s{0,3})"
/// Nothing of the token follows.
#define HILLSTAR_END R"((?:[^A-Za-z0-9_\-]|\z|-----B))"

constexpr std::string_view kNames =
    "password passwd passphrase pwd _pass secret token api_key api-key apikey access_key access-key accesskey "
    "account_key accountkey account-key private_key private-key privatekey secret_key secret-key secretkey auth_key "
    "auth-key authkey encryption_key signing_key master_key sharedaccesskey credential client_secret";
constexpr std::string_view kDigits = "0 1 2 3 4 5 6 7 8 9";
/// Base64 of the first two digits of an account's number.
constexpr std::string_view kDiscord =
    "MTA MTE MTI MTM MTQ MTU MTY MTc MTg MTk MjA MjE MjI MjM MjQ MjU MjY Mjc Mjg Mjk MzA MzE MzI MzM MzQ MzU MzY Mzc "
    "Mzg Mzk NDA NDE NDI NDM NDQ NDU NDY NDc NDg NDk NTA NTE NTI NTM NTQ NTU NTY NTc NTg NTk NjA NjE NjI NjM NjQ NjU "
    "NjY Njc Njg Njk NzA NzE NzI NzM NzQ NzU NzY Nzc Nzg Nzk ODA ODE ODI ODM ODQ ODU ODY ODc ODg ODk OTA OTE OTI OTM "
    "OTQ OTU OTY OTc OTg OTk";

using Rules = std::vector<SecretRule>;

void add_clouds(Rules& rules) {
  rules.insert(rules.end(),
               {{"private_key", "-----BEGIN",
                 R"(-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)"
                 R"((?:[^\x00]+?-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)"
                 R"(|(?:(?:\s|\\{1,8}[nr])+[A-Za-z0-9+/=]{16,})+(?:(?:\s|\\{1,8}[nr])+[A-Za-z0-9+/]+={1,2})?))",
                 nullptr, Extent::block, Start::keyword, false, true},
                {"age_key", "AGE-SECRET-KEY-1", "AGE-SECRET-KEY-1[A-Z0-9]{40,}"},
                {"aws_access_id", "AKIA A3T AGPA AIDA AROA AIPA ANPA ANVA ASIA ABIA ACCA",
                 "((?:A3T[A-Z0-9]|A[A-Z]{3})[A-Z2-7]{12,})" HILLSTAR_END, has_digit},
                {"aws_access_id", "AKIA ASIA", "((?:AKIA|ASIA)[A-Z0-9]{16})" HILLSTAR_END},
                {"google_key", "AIza", R"(AIza[0-9A-Za-z_\-]{10,})", has_digit},
                {"google_oauth_secret", "GOCSPX-", R"(GOCSPX-[0-9A-Za-z_\-]{20,})"},
                {"google_oauth_token", "ya29.", R"(ya29\.[0-9A-Za-z_\-.]{20,})"},
                {"azure_client_secret", "0Q~ 1Q~ 2Q~ 3Q~ 4Q~ 5Q~ 6Q~ 7Q~ 8Q~ 9Q~",
                 R"(([A-Za-z0-9_~.\-]{3}\dQ~[A-Za-z0-9_~.\-]{31,34})(?:[^A-Za-z0-9_~.\-]|\z|-----B))", nullptr,
                 Extent::token, Start::keyword, false, false, "A-Za-z0-9_~.-", 3},
                {"azure_sas", "sig=", R"(([A-Za-z0-9+/%]{40,}={0,2}))", has_digit, Extent::token, Start::behind},
                {"digitalocean_token", "dop_v1_ doo_v1_ dor_v1_", "do[opr]_v1_[a-f0-9]{64,}"}});
}

void add_services(Rules& rules) {
  rules.insert(
      rules.end(),
      {{"github_pat_fine_grained", "github_pat_", "github_pat_[A-Za-z0-9_]{40,}"},
       {"github_pat_classic", "ghp_", "ghp_[A-Za-z0-9]{30,}"},
       {"github_oauth_token", "gho_", "gho_[A-Za-z0-9]{30,}"},
       {"github_user_to_server", "ghu_", "ghu_[A-Za-z0-9]{30,}"},
       {"github_server_to_server", "ghs_", R"(ghs_[A-Za-z0-9_.\-]{30,})"},
       {"github_refresh_token", "ghr_", "ghr_[A-Za-z0-9]{30,}"},
       {"gitlab_token", "glpat- gldt- glrt- glcbt- glptt- glft- glsoat- gloas-", R"(gl[a-z]+-[A-Za-z0-9_\-.]{20,})"},
       {"bitbucket_token", "ATBB ATCTT3xFf ATATT3xFf", R"((?:ATBB|AT[AC]TT3xFf)[A-Za-z0-9_\-=.]{24,})", has_digit},
       {"slack_token", "xoxb- xoxp- xoxa- xoxr- xoxs- xoxe- xoxc- xoxd- xoxo-", R"(xox[a-z]-[A-Za-z0-9\-%+/.]{10,})",
        has_digit},
       {"slack_token", "xoxe.xox", R"(xoxe\.xox[bp]-[A-Za-z0-9\-]{10,})", has_digit},
       {"slack_app_token", "xapp-", R"(xapp-[A-Za-z0-9\-]{10,})", has_digit},
       {"slack_webhook", "hooks.slack.com/",
        R"(hooks\.slack\.com/(?:services|workflows|triggers)/([A-Za-z0-9+/]{20,}))", nullptr, Extent::token,
        Start::keyword, true},
       {"discord_webhook", "/api/webhooks/", R"(/api/webhooks/(\d{15,22}/[A-Za-z0-9_\-]{50,}))", nullptr, Extent::token,
        Start::keyword, false, true},
       {"discord_token", kDiscord, R"(([MNO][A-Za-z0-9_\-]{22,27}\.[A-Za-z0-9_\-]{6,7}\.[A-Za-z0-9_\-]{27,}))"},
       {"telegram_token", ":AA", R"((?:bot)?(\d{8,10}:AA[A-Za-z0-9_\-]{32,33})(?:[^A-Za-z0-9_\-]|\z|-----B))", nullptr,
        Extent::token, Start::keyword, false, false, "0-9bot", 13},
       {"twilio_key", "SK0 SK1 SK2 SK3 SK4 SK5 SK6 SK7 SK8 SK9 SKa SKb SKc SKd SKe SKf",
        "(SK[0-9a-f]{32})" HILLSTAR_END},
       {"sendgrid_key", "SG.", R"(SG\.[A-Za-z0-9_\-]{16,}\.[A-Za-z0-9_\-]{32,})"},
       {"stripe_key", "sk_live_ sk_test_ rk_live_ rk_test_", "[rs]k_(?:live|test)_[A-Za-z0-9]{16,}"},
       {"stripe_webhook", "whsec_", "whsec_[A-Za-z0-9+/]{24,}={0,2}"},
       {"npm_token", "npm_", "npm_[A-Za-z0-9]{36,}"},
       {"pypi_token", "pypi-AgEI", R"(pypi-AgEI[A-Za-z0-9_\-]{40,})"},
       {"rubygems_key", "rubygems_", "rubygems_[a-f0-9]{48,}"},
       {"docker_token", "dckr_pat_ dckr_oat_", R"(dckr_[op]at_[A-Za-z0-9_\-]{20,})"},
       {"vault_token", "hvs. hvb.", R"(hv[bs]\.[A-Za-z0-9_\-]{24,})", has_digit}});
}

void add_models(Rules& rules) {
  rules.insert(rules.end(), {{"anthropic_key", "sk-ant-", R"(sk-ant-[A-Za-z0-9_\-]{6,})", has_digit},
                             {"openrouter_key", "sk-or-", R"(sk-or-[A-Za-z0-9_\-]{16,})", has_digit},
                             {"openai_key", "sk-", R"(sk-[A-Za-z0-9_\-]{16,})", has_digit},
                             {"fireworks_key", "fw_", "fw_[A-Za-z0-9]{10,}", has_digit},
                             {"huggingface_token", "hf_", "hf_[A-Za-z0-9]{30,}"},
                             {"huggingface_token", "api_org_", "api_org_[A-Za-z0-9]{30,}"},
                             {"groq_key", "gsk_", "gsk_[A-Za-z0-9]{40,}"},
                             {"replicate_token", "r8_", "r8_[A-Za-z0-9]{30,}"},
                             {"perplexity_key", "pplx-", "pplx-[A-Za-z0-9]{30,}"},
                             {"xai_key", "xai-", "xai-[A-Za-z0-9]{40,}"},
                             {"nvidia_key", "nvapi-", R"(nvapi-[A-Za-z0-9_\-]{40,})"},
                             {"cerebras_key", "csk-", "csk-[a-z0-9]{40,}"},
                             {"tavily_key", "tvly-", R"(tvly-[A-Za-z0-9_\-]{20,})", has_digit}});
}

/// What a token stands in tells it, not what it looks like.
void add_places(Rules& rules) {
  rules.insert(
      rules.end(),
      {{"json_web_token", "eyJ", R"(eyJ[A-Za-z0-9_\-]{7,}\.ey[A-Za-z0-9_\-]{8,}(?:\.[A-Za-z0-9_\-]*)+)"},
       {"json_web_token", "eyJ", R"(eyJ[A-Za-z0-9_\-]{7,}(?:\.[A-Za-z0-9_\-]*){4})"},
       {"authorization", "authorization",
        HILLSTAR_ASSIGN R"(\\{0,8}["']?(?:(?:bearer|basic|token|bot|apikey|api-key|negotiate|ntlm|key)\s{1,3})?)"
                        R"(([A-Za-z0-9\-._~+/=:%!#$&*]{6,}))",
        has_digit_or_is_long, Extent::line, Start::assigned, true, true},
       {"authorization", "x-api-key x-goog-api-key x-auth-token api-key xi-api-key x-gitlab-token",
        HILLSTAR_ASSIGN R"(([A-Za-z0-9\-._~+/=:%!#$&*]{6,}))", has_digit_or_is_long, Extent::line, Start::assigned,
        true},
       {"bearer_token", "bearer", R"(bearer(?:\s|%20|\+){1,3}([A-Za-z0-9\-._~+/]{6,}={0,2}))", has_digit, Extent::line,
        Start::keyword, true},
       {"basic_credentials", "basic", R"(basic\s{1,3}([A-Za-z0-9+/]{8,}={0,2}))", is_basic, Extent::line,
        Start::keyword, true},
       {"url_password", "://", R"([^\s/?#:@"'\[\]<>\\{}`]{0,128}:([^\s/?#"'<>\\\[\]`]+)@)", is_password, Extent::token,
        Start::behind, false, true},
       {"secret_assignment", kNames, HILLSTAR_ASSIGN R"([A-Za-z]{0,2}"((?:[^"\\\n]|\\.)+)(?:"|\\?\z))",
        is_quoted_secret, Extent::line, Start::assigned, true, true},
       {"secret_assignment", kNames, HILLSTAR_ASSIGN R"([A-Za-z]{0,2}'((?:[^'\\\n]|\\.)+)(?:'|\\?\z))",
        is_quoted_secret, Extent::line, Start::assigned, true, true},
       {"secret_assignment", kNames, HILLSTAR_ASSIGN R"(\\{1,8}["']([^"'\\\n]+)(?:\\|\z|-----B))", is_quoted_secret,
        Extent::line, Start::assigned, true, true},
       {"secret_assignment",
        "PASSWORD PASSWD PASSPHRASE PWD _PASS SECRET TOKEN API_KEY APIKEY ACCESS_KEY ACCOUNT_KEY PRIVATE_KEY "
        "SECRET_KEY "
        "AUTH_KEY ENCRYPTION_KEY SIGNING_KEY MASTER_KEY",
        R"([0-9_]{0,4}=([A-Za-z0-9\-._~+/!@#$%^*?]+={0,2})(?:[\s"'`,;&|\\<)}\]]|\z|-----B))", is_environment_secret,
        Extent::line, Start::assigned, false, true},
       {"secret_assignment", kNames,
        HILLSTAR_ASSIGN R"(([A-Za-z0-9\-._~+/!@#$%^*?]+={0,2})(?:[\s"'`,;&|\\<)}\]]|\z|-----B))", is_bare_secret,
        Extent::line, Start::assigned, true, true}});
}

void add_optional(Rules& rules) {
  const auto add = [&rules](SecretRule rule) {
    rule.optional = true;
    rules.push_back(rule);
  };
  add({"email_address", "@", R"([A-Za-z0-9._%+\-]{1,64}@[A-Za-z0-9\-]+(?:\.[A-Za-z0-9\-]+)*\.[A-Za-z]{2,})", nullptr,
       Extent::token, Start::keyword, false, false, "A-Za-z0-9._%+-", 64});
  add({"iban", kDigits, R"(([A-Z]{2}\d{2}(?: ?[A-Z0-9]{1,4}){3,9})(?:[^A-Za-z0-9]|\z|-----B))", is_iban, Extent::line,
       Start::keyword, false, false, "A-Z", 2});
  add({"credit_card", kDigits, R"((\d(?:[ \-]?\d){12,24})(?:[^A-Za-z0-9\-]|\z|-----B))", is_card, Extent::line});
  add({"us_ssn", kDigits, R"((\d{3}-\d{2}-\d{4})(?:[^A-Za-z0-9\-]|\z|-----B))", is_ssn});
  add({"ipv4_address", kDigits,
       R"(((?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)))"
       R"((?:[^A-Za-z0-9_\-.]|\.?(?:\z|[^0-9A-Za-z.])))"});
  add({"phone_number", kDigits,
       R"(((?:\+?\d{1,3}[ .\-]?)?\(?\d{3}\)?[ .\-]{1,2}\d{3}[ .\-]\d{4})(?:[^A-Za-z0-9\-]|\z|-----B))", nullptr,
       Extent::line, Start::keyword, false, false, "+(", 2});
  add({"phone_number", kDigits, R"((\+[1-9]\d{0,2}(?:[ .\-]?\(?\d{2,4}\)?){2,5})(?:[^A-Za-z0-9\-]|\z|-----B))", nullptr,
       Extent::line, Start::keyword, false, false, "+", 1});
  add({"mac_address", ": -", R"(((?:[0-9A-Fa-f]{2}[:\-]){5}[0-9A-Fa-f]{2})(?:[^A-Za-z0-9:\-]|\z|-----B))", nullptr,
       Extent::token, Start::keyword, false, false, "0-9A-Fa-f", 2});
  add({"ipv6_address", ":",
       R"(((?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4})"
       R"(|(?:[0-9A-Fa-f]{1,4}:){1,6}(?::[0-9A-Fa-f]{1,4}){1,6})"
       R"(|(?:[0-9A-Fa-f]{1,4}:){1,7}:|:(?::[0-9A-Fa-f]{1,4}){1,7}))"
       R"((?:[^A-Za-z0-9:\[]|\z|-----B))",
       has_digit, Extent::token, Start::keyword, false, false, "0-9A-Fa-f", 4});
  add({"firebase_domain", ".firebaseapp.com", R"([A-Za-z0-9\-]{1,63}\.firebaseapp\.com)", nullptr, Extent::token,
       Start::keyword, true, true, "A-Za-z0-9-", 63});
  add({"google_oauth_id", ".apps.googleusercontent.com", R"(\d+-[a-z0-9]{16,}\.apps\.googleusercontent\.com)", nullptr,
       Extent::token, Start::keyword, false, true, "0-9a-z-", 64});
}

#undef HILLSTAR_ASSIGN
#undef HILLSTAR_END

Rules all_rules() {
  Rules rules;
  add_clouds(rules);
  add_services(rules);
  add_models(rules);
  add_places(rules);
  add_optional(rules);
  return rules;
}

}  // namespace

const std::vector<SecretRule>& secret_rules() {
  static const Rules kRules = all_rules();
  return kRules;
}

}  // namespace hillstar::policy

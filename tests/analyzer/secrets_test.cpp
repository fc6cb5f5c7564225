#include "analyzer/evidence/secrets.hpp"

#include <string>

#include "analyzer/evidence/extract.hpp"
#include "tests/support/catch.hpp"

using ndr::is_secret;
using ndr::without_secrets;

namespace {
// Put together here, so that no scanner of sources takes them for real.
const std::string letters = "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8S9t0";
std::string of_form(const std::string& prefix, std::size_t count) { return prefix + letters.substr(0, count); }
}  // namespace

TEST_CASE("a variable is a secret by a word of its name") {
  for (const char* name : {"HF_TOKEN", "GITHUB_TOKEN", "GITHUBTOKEN", "DB_PASSWORD", "GH_PAT", "AWS_SECRET_ACCESS_KEY",
                           "KEY_PASSPHRASE", "WANDB_API_KEY", "SLACK_WEBHOOK", "my_apikey"}) {
    INFO(name);
    CHECK(is_secret(name, "hunter2"));
  }
  for (const char* name : {"TOKENIZERS_PARALLELISM", "MODEL_PATH", "HF_PATTERN", "AUTHOR", "MAX_TOKENS",
                           "TT_METAL_HOME", "KEYBOARD", "PATH", "COMPAT_MODE"}) {
    INFO(name);
    CHECK_FALSE(is_secret(name, "hunter2"));
  }
  CHECK_FALSE(is_secret("EOS_TOKEN", "2"));
  CHECK_FALSE(is_secret("USE_AUTH", "False"));
}

TEST_CASE("a variable is a secret by the form of its value") {
  CHECK(is_secret("ANY", of_form("ghp_", 36)));
  CHECK(is_secret("MIRROR", "https://me:pass@mirror.example/simple"));
  CHECK_FALSE(is_secret("MIRROR", "https://mirror.example:8080/simple"));
  CHECK_FALSE(is_secret("DIGEST", "sha256:" + letters));
}

TEST_CASE("credentials in a text are masked, and nothing else of it") {
  CHECK(without_secrets("curl -H 'Authorization: Bearer " + letters + "' x") ==
        "curl -H 'Authorization: Bearer ***' x");
  CHECK(without_secrets("git clone https://bot:s3cr3t@host/x.git") == "git clone https://bot:***@host/x.git");
  CHECK(without_secrets("docker run -e HF_TOKEN=hunter2 image") == "docker run -e HF_TOKEN=*** image");
  CHECK(without_secrets("a " + std::string{"AKIA"} + "ABCD1234EFGH5678" + ", " + of_form("hf_", 34)) == "a ***, ***");
  CHECK(without_secrets("eyJ" + letters + ".eyJ" + letters + "." + letters) == "***");
  CHECK(without_secrets("-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----") ==
        "-----BEGIN RSA PRIVATE KEY-----***-----END RSA PRIVATE KEY-----");
  CHECK(without_secrets("export HF_TOKEN=\"abcdefgh12345\"") == "export HF_TOKEN=\"***\"");
  CHECK(without_secrets("login --token abcdefgh123 --user me") == "login --token *** --user me");
  CHECK(without_secrets("{\"token\": \"abcdefgh123\"}") == "{\"token\": \"***\"}");
  CHECK(without_secrets("https://" + letters + "@host/x") == "https://***@host/x");
  CHECK(without_secrets("AUTHORIZATION: basic " + letters) == "AUTHORIZATION: basic ***");
  CHECK(without_secrets(of_form("eyJ", 30) + ".eyJ" + letters + ".") == "***");
  for (const std::string plain :
       {"num_tokens=128", "MAX_TOKENS=4096", "test_x[token=5]", "EOS_TOKEN=2", "ghp_short", "user@host:/path",
        "http://host/a:b@c", "HF_TOKEN=$SECRET", "eyJust a word", "hf_rope_permute_indices_for_llama_vision_models",
        "npm_config_cache_folder_for_all_the_users_of_ci1", "assert TOKEN==EXPECTED_TOKEN", "EOS_TOKEN=</s>",
        "SSH_AUTH_SOCK=/tmp/agent.1", "AUTH_MODE=disabled", "http://[::1]:8080@x", "ASIA_PACIFIC_REGION_SETTINGS", "",
        "="}) {
    INFO(plain);
    CHECK(without_secrets(plain) == plain);
  }
}

TEST_CASE("hostile texts are masked in time that grows with their length") {
  for (const std::string unit :
       {"=", "A=", "HF_TOKEN=", "eyJ.", "://", "://a:", "bearer ", "--token=", "-----BEGIN "}) {
    std::string text;
    while (text.size() < 1000000)
      text += unit;
    CHECK(without_secrets(text).size() <= 2 * text.size());
  }
}

TEST_CASE("a secret that CI did not mask is named in the evidence and copied nowhere") {
  const std::string token = of_form("ghp_", 36);
  const auto evidence = ndr::extract_evidence(
      "ci.log",
      "2026-11-01T00:00:00.0000000Z ##[group]Run pytest a.py\n"
      "2026-11-01T00:00:00.0000000Z \x1b[36;1mpytest a.py\x1b[0m\n"
      "2026-11-01T00:00:00.0000000Z shell: /usr/bin/bash -e {0}\n"
      "2026-11-01T00:00:00.0000001Z env:\n"
      "2026-11-01T00:00:00.0000002Z   ODD_NAME: " +
          token +
          "\n"
          "2026-11-01T00:00:00.0000003Z   HF_TOKEN: hunter2\n"
          "2026-11-01T00:00:00.0000004Z   ARCH_NAME: wormhole_b0\n"
          "2026-11-01T00:00:00.0000005Z ##[endgroup]\n"
          "2026-11-01T00:00:01.0000000Z E   RuntimeError: 401 for https://bot:" +
          token +
          "@host/model\n"
          "2026-11-01T00:00:01.0000001Z FAILED a.py::test_a - RuntimeError: 401 for https://bot:" +
          token +
          "@host/model\n"
          "2026-11-01T00:00:01.0000002Z ##[error]Process completed with exit code 1.\n");
  CHECK(evidence.is_failure);
  CHECK(evidence.environment.size() == 1);
  CHECK(evidence.environment.count("ARCH_NAME") == 1);
  CHECK(evidence.secrets.size() == 2);
  REQUIRE(evidence.error_line);
  CHECK(evidence.error_line->value.find(token) == std::string::npos);
  CHECK(evidence.error_line->value.find("401 for https://bot:***@host/model") != std::string::npos);
}

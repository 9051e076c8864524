// SPDX-License-Identifier: Apache-2.0
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cctype>
#include <memory>
#include <stdexcept>

#include "tests/support/http_server.hpp"

namespace hillstar::testing {
namespace {

struct Free {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(BIO* bio) const { BIO_free(bio); }
};
using Key = std::unique_ptr<EVP_PKEY, Free>;
using Cert = std::unique_ptr<X509, Free>;
using Bio = std::unique_ptr<BIO, Free>;

constexpr long kDay = 24L * 3600;

void require(bool good, const char* what) {
  if (!good) throw std::runtime_error(std::string("test certificate: ") + what);
}

Key new_key() {
  Key key(EVP_EC_gen("P-256"));
  require(key != nullptr, "key");
  return key;
}

void extend(X509* certificate, X509* issuer, int id, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, id, value.c_str());
  require(extension != nullptr, value.c_str());
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

struct Names {
  std::string subject;
  std::string issuer;
};

/// `issuer` nullptr: self-signed.
Cert make(EVP_PKEY* key, const Names& names, X509* issuer, EVP_PKEY* issuer_key, bool expired) {
  static long serial = 1;
  Cert certificate(X509_new());
  require(certificate != nullptr, "certificate");
  X509* raw = certificate.get();
  X509_set_version(raw, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(raw), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(raw), -30 * kDay);
  X509_gmtime_adj(X509_getm_notAfter(raw), expired ? -kDay : kDay);
  X509_set_pubkey(raw, key);
  const auto named = [](X509_NAME* name, const std::string& text) {
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(text.c_str()), -1, -1,
                               0);
  };
  named(X509_get_subject_name(raw), names.subject);
  if (issuer != nullptr)
    X509_set_issuer_name(raw, X509_get_subject_name(issuer));
  else
    named(X509_get_issuer_name(raw), names.issuer);
  const bool authority = issuer == nullptr && names.subject == names.issuer && names.subject == "test authority";
  if (authority) {
    extend(raw, raw, NID_basic_constraints, "critical,CA:TRUE");
    extend(raw, raw, NID_key_usage, "critical,keyCertSign");
  } else {
    const bool address = std::isdigit(static_cast<unsigned char>(names.subject.front())) != 0;
    extend(raw, issuer != nullptr ? issuer : raw, NID_subject_alt_name, (address ? "IP:" : "DNS:") + names.subject);
  }
  require(X509_sign(raw, issuer_key, EVP_sha256()) != 0, "signature");
  return certificate;
}

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

std::string pem(X509* certificate) {
  const Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), certificate);
  return text_of(bio.get());
}

std::string pem(EVP_PKEY* key) {
  const Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  return text_of(bio.get());
}

}  // namespace

struct CertificateMaker::State {
  Key key = new_key();
  Cert certificate = make(key.get(), {"test authority", "test authority"}, nullptr, key.get(), false);
  std::string text = pem(certificate.get());
};

CertificateMaker::CertificateMaker() : state_(std::make_unique<State>()) {}
CertificateMaker::~CertificateMaker() = default;

const std::string& CertificateMaker::authority() const { return state_->text; }

Certificate CertificateMaker::issue(const std::string& name, bool expired) const {
  const Key key = new_key();
  const Cert made = make(key.get(), {name, {}}, state_->certificate.get(), state_->key.get(), expired);
  return {pem(made.get()), pem(key.get())};
}

Certificate CertificateMaker::self_signed(const std::string& name) const {
  const Key key = new_key();
  const Cert made = make(key.get(), {name, name}, nullptr, key.get(), false);
  return {pem(made.get()), pem(key.get())};
}

}  // namespace hillstar::testing

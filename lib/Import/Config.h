//===- Config.h - config.json, read strictly -----------------------------===//

#ifndef SEQC_LIB_IMPORT_CONFIG_H
#define SEQC_LIB_IMPORT_CONFIG_H

#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/JSON.h"

#include <optional>
#include <string>
#include <vector>

namespace seqc {

/// The keys of a config.json. A family asks for each key that it knows; the
/// first one that is missing or wrong is kept as the error, and a harmless
/// value returned in its place, so that a family reads its keys without
/// branches and asks for the error once. A key with the value null counts as
/// absent. `outer.inner` is the key `inner` of the object `outer`.
class Config {
public:
  static llvm::Expected<Config> read(llvm::StringRef file);

  llvm::StringRef getFile() const { return file; }
  /// Whether the key is there and not null.
  bool has(llvm::StringRef key);
  /// Whether the key is there with the value null, where that is not absence.
  bool isNull(llvm::StringRef key);

  /// A size: an integer in [1, 2^31). Without a default the key is required.
  int64_t size(llvm::StringRef key);
  int64_t size(llvm::StringRef key, int64_t byDefault);
  /// The same, but 0 and absence mean that there is no such thing.
  int64_t sizeOrNone(llvm::StringRef key);
  bool flag(llvm::StringRef key, bool byDefault);
  /// A number in (0, 1].
  double fraction(llvm::StringRef key, double byDefault);
  /// A number of at least 1.
  double atLeastOne(llvm::StringRef key, double byDefault);
  /// Two numbers from 0 to infinity, in order, which is the default.
  std::pair<double, double> interval(llvm::StringRef key);
  /// A number above 0.
  double positive(llvm::StringRef key, double byDefault);
  /// An integer or a list of integers; none where the key is absent.
  std::vector<int64_t> integers(llvm::StringRef key);
  std::string text(llvm::StringRef key);
  /// Whether the value is this string.
  bool isText(llvm::StringRef key, llvm::StringRef text);
  /// Whether the value is a list that has this string.
  bool lists(llvm::StringRef key, llvm::StringRef text);
  /// One of several words; the first one is the default.
  std::string choice(llvm::StringRef key,
                     llvm::ArrayRef<llvm::StringRef> words);

  /// A list of several of some words; none where the key is absent.
  std::vector<std::string> choices(llvm::StringRef key,
                                   llvm::ArrayRef<llvm::StringRef> words);
  /// The one of `names` that is among `architectures`, "" where there are no
  /// architectures at all, and nothing where there are others.
  std::optional<llvm::StringRef>
  architecture(llvm::ArrayRef<llvm::StringRef> names);
  /// How many labels a classifier tells apart: those of id2label, or
  /// num_labels; 2 where there is neither.
  int64_t labels();

  /// The objects in a list; the keys around it stand for those that they do not
  /// have themselves.
  std::vector<Config> objects(llvm::StringRef key);
  /// Takes over what one of them was asked, and its error.
  void absorb(Config object);
  /// The values as text, equal for equal ones.
  std::string print() const;

  /// Keys that change no result.
  void ignore(llvm::ArrayRef<llvm::StringRef> keys);

  /// Keeps "file: key: expected …" as the error, unless there is one.
  void fail(llvm::StringRef key, const llvm::Twine &expected);
  /// Keeps "file: key: message, found …" as a warning.
  void warn(llvm::StringRef key, const llvm::Twine &message);
  const std::vector<std::string> &getWarnings() const { return warnings; }
  /// Fails unless the product of sizes is one that a tensor may have: at most
  /// 2^40. `what` names the sizes.
  void checkProduct(llvm::StringRef what, llvm::ArrayRef<int64_t> sizes);
  /// The first error.
  llvm::Error takeError();

  /// Keys that nobody asked for, sorted: also those inside of an object of
  /// which somebody asked for others.
  std::vector<std::string> getUnknownKeys() const;

private:
  const llvm::json::Value *find(llvm::StringRef key);

  std::string file; // and the place in it
  llvm::json::Object values;
  /// Of an object in a list: where it is, and its own keys.
  std::string place;
  std::vector<std::string> own;
  /// Keys that nobody asked for in objects that were absorbed.
  std::vector<std::string> unknownInside;
  llvm::StringSet<> known;
  std::string error;
  std::vector<std::string> warnings;
};

} // namespace seqc

#endif // SEQC_LIB_IMPORT_CONFIG_H

// The pages on the way in: whoever comes by a link to a list or a chain gets there in the end.
import { keepFragment, remember, remembered } from "./fragment";

const { hash } = window.location;
keepFragment(document, hash);
if (hash) remember(localStorage, hash, Date.now());
// Only a page that a mail leads to goes by what was remembered.
else if (document.querySelector("form[data-mailed]")) {
  keepFragment(document, remembered(localStorage, Date.now()));
}

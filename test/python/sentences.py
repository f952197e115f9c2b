"""Texts of several lengths, languages and scripts."""

SENTENCES = """A cat sleeps.
The stock market fell sharply on Monday morning.
Kittens are young cats, and puppies are young dogs.
Where is the nearest railway station?
Die Katze schläft auf dem Sofa.
Photosynthesis turns light, water and carbon dioxide into sugar.
OK
Compilers translate programs; good ones also explain what they did.
In 1969 two people walked on the moon for the first time.
He said: "I'll be there at 5:30, unless it's raining."
Ünïcödé — naïve café, 東京, привет
antidisestablishmentarianism
The quick brown fox jumps over the lazy dog.
She sells sea shells by the sea shore, and the shells she sells are sea shells, I am sure.
E = mc^2
Recurrent networks keep a state; attention looks back at all that it has seen before.
Rain, rain, go away.
The committee, which had been meeting since nine, adjourned without a decision at a quarter past four.
No.
To be, or not to be, that is the question: whether it is nobler in the mind to suffer.""".splitlines()

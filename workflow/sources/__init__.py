"""Where problems and models come from: public benchmarks, generated problems, a packaged language model."""

-- Under which settings of the identity provider a session began (a digest of
-- them): it outlives a restart only while they are the same.
ALTER TABLE console_session ADD COLUMN terms TEXT;
